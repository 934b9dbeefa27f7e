/**
 * The last events of this instance, and the streams that follow them. However many streams there are and however slow they
 * are, each event is kept once, for as long as it is among the last ones.
 *
 * @module
 */

import { type Clock, type Timer, turn } from "../clock.ts";
import { errorData } from "../error_data.ts";
import { onAbort } from "../on_abort.ts";
import { idOf } from "./key_id.ts";
import { toJson } from "./problem.ts";

const maxEvents = 1_000;
/** How many characters a stream is given at once, as far as events can be cut. */
const chunkLength = 16 * 1024;
/** For how long events are gathered before the streams are woken, in ms. */
const gatherMs = 50;
/** After how many streams the event loop gets a turn: what else the program does must not wait for a thousand of them. */
const streamsPerTurn = 32;
/** After how long silent streams say that they are alive, in ms. */
const keepAliveMs = 15_000;

interface Event {
  readonly type: string;
  /** When it happened, epoch ms. */
  readonly at: number;
  readonly key?: unknown;
  readonly version?: unknown;
  readonly error?: unknown;
}

/** Keeps the last events. */
export class EventLog {
  readonly #clock: Clock;
  /** What is kept of each event: plain data, or its frame once a stream has wanted it. */
  readonly #kept: (Event | string)[] = [];
  /** Differs with every log: numbers of another one mean nothing here. */
  readonly #epoch = crypto.randomUUID().slice(0, 8);
  /** How many events there were. The id of an event tells how many there were then, itself included. */
  #next = 0;
  /** Wakes the streams that wait. */
  readonly #waiting = new Set<() => void>();
  #timer: Timer | undefined = undefined;
  #isGathering = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keeps an event as plain data: a version may be anything, and so may an error. */
  add<E extends Event>(event: E): void {
    const { at, version, error } = event;
    this.#kept[this.#next++ % maxEvents] = {
      ...event,
      version: typeof version === "string" || typeof version === "number" ? version : undefined,
      error: error === undefined ? undefined : errorData(error, at),
    };
    if (this.#waiting.size === 0 || this.#isGathering) return;
    this.#isGathering = true;
    this.#wakeAfter(gatherMs);
  }

  /**
   * Makes a stream of server-sent events. It begins with those that a client has missed since `Last-Event-ID`, as far as they
   * are kept; how many are not is told in an event `dropped`, as it is to a client that reads too slowly. What it begins with has
   * an id, too: a client that is cut off before the first event goes on there.
   */
  stream(lastId: string | null, head: object, signal: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> {
    const encoder = new TextEncoder(), from = this.#positionBehind(lastId);
    let position = from ?? this.#first, isOver = false, wake = () => {};
    const end = () => {
      isOver = true;
      this.#waiting.delete(wake);
      if (this.#waiting.size === 0) this.#rest();
      wake();
    };
    const ending = onAbort(signal, end);
    const hello = { scope: "instance", ...head, ...from === undefined && { missed: "unknown" } };
    return new ReadableStream({
      start: (controller) => controller.enqueue(encoder.encode(this.#idOf(position) + frameOf("hello", hello))),
      pull: async (controller) => {
        if (position === this.#next && !isOver) await new Promise<void>((resolve) => this.#wait(wake = resolve));
        if (isOver) return controller.close();
        const dropped = Math.max(0, this.#first - position);
        position += dropped;
        let text = dropped > 0 ? frameOf("dropped", { count: dropped }) : "";
        while (position < this.#next && text.length < chunkLength) text += this.#frame(position++);
        controller.enqueue(encoder.encode(text || ": alive\n\n"));
      },
      cancel: () => {
        ending[Symbol.dispose]();
        end();
      },
    });
  }

  get #first(): number {
    return Math.max(0, this.#next - maxEvents);
  }

  /** The line of an id: how many events a client knows of, or has missed. */
  #idOf(count: number): string {
    return `id: ${this.#epoch}-${count}\n`;
  }

  /** The number of the event to go on with; `undefined` if the id is not one of this log. */
  #positionBehind(lastId: string | null): number | undefined {
    if (lastId === null) return this.#next;
    const [, epoch, number] = /^(\w{8})-(\d{1,15})$/.exec(lastId) ?? [];
    return epoch === this.#epoch && Number(number) <= this.#next ? Number(number) : undefined;
  }

  #frame(number: number): string {
    const index = number % maxEvents, kept = this.#kept[index];
    if (typeof kept === "string") return kept;
    const data = kept.key === undefined ? kept : { ...kept, id: idOf(kept.key) };
    return this.#kept[index] = this.#idOf(number + 1) + frameOf(kept.type, data);
  }

  #wait(wake: () => void): void {
    this.#waiting.add(wake);
    if (!this.#timer) this.#wakeAfter(keepAliveMs);
  }

  #wakeAfter(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.timer(() => this.#wakeAll(), delayMs);
  }

  async #wakeAll(): Promise<void> {
    this.#rest();
    for (const [index, wake] of [...this.#waiting].entries()) {
      this.#waiting.delete(wake);
      wake();
      if (index % streamsPerTurn === streamsPerTurn - 1) await turn();
    }
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isGathering = false;
  }
}

/** Makes one server-sent event: each field is one line. */
function frameOf(type: string, data: object): string {
  return `event: ${type}\ndata: ${toJson(data)}\n\n`;
}
