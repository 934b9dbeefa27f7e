/** A bot: polls for the messages of one tenant and answers each of them. */

import { leaf, type Runnable } from "@pact/supervisor";
import type { Claim } from "@pact/supervisor/kv";
import { delay } from "@std/async/delay";
import type { Chat } from "./messenger.ts";

/** What a bot works with. */
export interface BotContext {
  readonly kv: Deno.Kv;
  readonly id: string;
  /** The right to run this bot. */
  readonly claim: Claim;
  readonly chat: Chat;
}

/** How long it takes to think of an answer, in ms. */
const thinkMs = 300;

/**
 * Makes a bot. The number of the message that it has answered last is kept in the database, under its claim: the next bot of the
 * tenant, in whichever instance, goes on from there.
 */
export function bot({ kv, id, claim, chat }: BotContext): Runnable {
  const offsetKey = ["offsets", id];
  const stopping = new AbortController();
  let work: Promise<void> | undefined;

  async function answer(message: number, signal: AbortSignal): Promise<void> {
    await chat.typing(message, signal);
    await delay(thinkMs, { signal });
    await chat.reply(message, signal);
    const { ok } = await claim.commit(kv.atomic().set(offsetKey, message));
    if (!ok) throw new Error(`Cannot keep the offset of "${id}": another instance runs this bot now`);
  }

  async function poll(signal: AbortSignal, alive: (note: string) => void): Promise<void> {
    const polling = AbortSignal.any([signal, stopping.signal]);
    let last = Number((await kv.get(offsetKey)).value ?? 0);
    while (!stopping.signal.aborted) {
      // A poll that is broken off has delivered nothing.
      const messages = await chat.poll(last, polling).catch((error) => {
        if (error === polling.reason) return [];
        throw error;
      });
      alive(`message ${last}`);
      for (const message of messages) {
        if (stopping.signal.aborted) return;
        await answer(message, signal);
        last = message;
      }
    }
  }

  return leaf(
    (signal, { alive }) => work = poll(signal, alive),
    async () => {
      stopping.abort();
      await work; // the answer in flight
    },
  );
}
