/**
 * A fake messenger that remembers who called it, when, and how it answered.
 *
 * @module
 */

import { fakeMessenger } from "../../examples/bots/fake_messenger.ts";
import { sized } from "../size.ts";

/** For how long the messenger has a client wait that it throttles, in ms. */
export const retryAfterMs = sized({ short: 5_000, full: 10_000 });

/** A request to the messenger. */
export interface Call {
  readonly at: number;
  /** Who called. */
  readonly instance: string;
  readonly token: string;
  readonly what: "messages" | "typing" | "reply";
  readonly message: number;
  /** How it was answered; 0 until then. */
  status: number;
  /** When it had its answer, or had given up on it. */
  endedAt: number;
  /** Whether it has given up. */
  hasGivenUp: boolean;
}

/** The messenger of the example, in this OS process, so that it outlives every instance. */
export class RecordingMessenger implements AsyncDisposable {
  readonly calls: Call[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** Begins to listen. */
  constructor() {
    const answer = fakeMessenger({ retryAfterS: retryAfterMs / 1_000 });
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const call = toCall(request);
      this.calls.push(call);
      const response = await answer(request);
      call.status = response.status;
      return new Response(watched(response.body, call), response);
    });
  }

  /** Its address. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The polls with each token of a mood, in order. */
  polls(mood: string): Map<string, Call[]> {
    return Map.groupBy(
      this.calls.filter(({ token, what }) => what === "messages" && token.startsWith(`${mood}-`)),
      ({ token }) => token,
    );
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Sees the end of an answer. */
function watched(body: ReadableStream<Uint8Array> | null, call: Call): ReadableStream<Uint8Array> | null {
  if (body === null) call.endedAt = Date.now();
  const reader = body?.getReader();
  return reader === undefined ? null : new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (!done) return controller.enqueue(value);
      call.endedAt = Date.now();
      controller.close();
    },
    cancel(reason) {
      call.hasGivenUp = true;
      call.endedAt = Date.now();
      return reader.cancel(reason);
    },
  });
}

function toCall({ url, headers }: Request): Call {
  const [token, what, message] = new URL(url).pathname.slice(1).split("/");
  if (what !== "messages" && what !== "typing" && what !== "reply") throw new Error(`Cannot read the path of ${url}`);
  const instance = headers.get("user-agent")?.replace("bots/", "") ?? "";
  return {
    at: Date.now(),
    instance,
    token,
    what,
    message: Number(message),
    status: 0,
    endedAt: Infinity,
    hasGivenUp: false,
  };
}
