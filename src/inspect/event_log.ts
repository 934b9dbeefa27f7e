/**
 * The last events of this instance, as plain data, and the streams that follow them. However many streams there are and however
 * slow they are, each event is kept once, for as long as it is among the last ones.
 *
 * @module
 */

import { type Clock, type Timer, turn } from "../clock.ts";
import type { ClusterEvent } from "../cluster/events.ts";
import { errorData } from "../error_data.ts";
import type { SupervisorEvent } from "../events.ts";
import { idOf, shownKey } from "./key_id.ts";
import { toJson } from "./problem.ts";

/** How many events are kept. */
const maxEvents = 1_000;
/** How many bytes a stream is given at once, as far as events can be cut. */
const chunkBytes = 16 * 1024;
/** For how long events are gathered before the streams are woken, in ms. */
const gatherMs = 50;
/** After how many streams the event loop gets a turn. */
const streamsPerTurn = 32;
/** After how long a silent stream says that it is alive, in ms. */
const keepAliveMs = 15_000;

/** An action that a request has asked for. */
export interface ActedEvent {
  readonly type: "acted";
  /** When, epoch ms. */
  readonly at: number;
  /** What was done. */
  readonly action: string;
  /** To which key; absent if to the whole table. */
  readonly key?: unknown;
  /** Who has done it. */
  readonly by?: string;
  /** Why. */
  readonly reason?: string;
  /** Whether something has changed. */
  readonly isChanged: boolean;
}

/** What is kept of an event, and its frame once a stream has wanted it. */
interface Kept {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  frame?: Uint8Array;
}

/** Some events as a stream sends them. */
interface Piece {
  readonly bytes: Uint8Array;
  /** The number of the event that comes next. */
  readonly next: number;
}

const encoder = new TextEncoder();

/** Keeps the last events. */
export class EventLog {
  /** The number of the first event that is kept. */
  first = 0;
  /** The number of the next event. */
  next = 0;
  /** Differs with every log: numbers of another one mean nothing here. */
  readonly epoch: string = crypto.randomUUID().slice(0, 8);
  readonly #clock: Clock;
  readonly #kept: Kept[] = [];
  readonly #waiting: Set<(isNews: boolean) => void> = new Set();
  #gathering: Timer | undefined = undefined;
  #silence: Timer | undefined = undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keeps an event. What it refers to is not kept. */
  add(event: SupervisorEvent<unknown> | ClusterEvent | ActedEvent): void {
    this.#kept[this.next++ % maxEvents] = { type: event.type, data: toData(event) };
    this.first = Math.max(this.first, this.next - maxEvents);
    if (this.#waiting.size > 0) this.#gathering ??= this.#clock.timer(() => this.#wake(true), gatherMs);
  }

  /** Reads what a stream sends from an event on; nothing, if that has not happened. */
  read(from: number): Piece | undefined {
    const frames: Uint8Array[] = [];
    let next = from, size = 0;
    while (next < this.next && size < chunkBytes) {
      const frame = this.#frame(next++);
      frames.push(frame);
      size += frame.length;
    }
    return frames.length === 0 ? undefined : { bytes: concat(frames, size), next };
  }

  /**
   * Waits for events.
   *
   * @returns Whether there are any; if not, the stream has been silent for a while, or the signal has aborted.
   */
  more(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isNews: boolean) => {
        signal.removeEventListener("abort", giveUp);
        this.#waiting.delete(end);
        if (this.#waiting.size === 0) this.#rest();
        resolve(isNews);
      };
      const giveUp = () => end(false);
      signal.addEventListener("abort", giveUp);
      this.#waiting.add(end);
      this.#silence ??= this.#clock.timer(() => this.#wake(false), keepAliveMs);
      if (signal.aborted) giveUp();
    });
  }

  /** Some at a time: what else the program has to do must not wait for a thousand streams. */
  async #wake(isNews: boolean): Promise<void> {
    this.#rest();
    let woken = 0;
    for (const end of [...this.#waiting]) {
      if (this.#waiting.has(end)) end(isNews);
      if (++woken % streamsPerTurn === 0) await turn();
    }
  }

  #rest(): void {
    this.#gathering?.cancel();
    this.#silence?.cancel();
    this.#gathering = this.#silence = undefined;
  }

  #frame(number: number): Uint8Array {
    const kept = this.#kept[number % maxEvents];
    return kept.frame ??= frameOf(kept.type, kept.data, `${this.epoch}-${number}`);
  }
}

/** Makes one server-sent event: each field is one line. */
export function frameOf(type: string, data: unknown, id?: string): Uint8Array {
  const named = id === undefined ? "" : `id: ${id}\n`;
  return encoder.encode(`${named}event: ${type}\ndata: ${toJson(data)}\n\n`);
}

/** Makes plain data of an event: a version may be anything, and so may an error. */
function toData(event: SupervisorEvent<unknown> | ClusterEvent | ActedEvent): Kept["data"] {
  const { error, key, version, ...plain } = event as { at: number; error?: unknown; key?: unknown; version?: unknown };
  return {
    ...plain,
    ...key !== undefined && { id: idOf(key), key: shownKey(key) },
    ...(typeof version === "string" || typeof version === "number") && { version },
    ...error !== undefined && { error: errorData(error, event.at) },
  };
}

function concat(parts: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
