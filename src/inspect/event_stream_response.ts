/**
 * Server-sent events: those of this instance, as they happen.
 *
 * @module
 */

import { onAbort } from "../on_abort.ts";
import { type EventLog, frameOf } from "./event_log.ts";
import { answer } from "./problem.ts";

/** A comment, which a client passes over. */
const alive = new TextEncoder().encode(": alive\n\n");

/** What a stream begins with. */
export interface StreamHead {
  /** The session of this instance. */
  readonly session?: string;
}

/**
 * Makes a stream of events. It begins with those that a client has missed since `Last-Event-ID`, as far as they are kept; how
 * many are not is told in an event `dropped`, as it is to a client that reads too slowly.
 *
 * @param log The events.
 * @param lastId The id of the last event that the client has, if it has any.
 * @param head What is said of the instance.
 * @param signal Ends the stream.
 */
export function eventsResponse(log: EventLog, lastId: string | null, head: StreamHead, signal: AbortSignal): Response {
  const ending = new AbortController();
  const ended = onAbort(signal, () => ending.abort());
  const end = () => {
    ended[Symbol.dispose]();
    ending.abort();
  };
  const { from, missed } = resume(log, lastId);
  let position = from;
  const begin = frameOf("hello", { scope: "instance", ...head, ...missed && { missed } });
  const body = new ReadableStream<Uint8Array<ArrayBufferLike>>({
    start: (controller) => controller.enqueue(begin),
    pull: async (controller) => {
      if (position === log.next) await log.more(ending.signal);
      if (ending.signal.aborted) return controller.close();
      const dropped = log.first - position;
      if (dropped > 0) {
        controller.enqueue(frameOf("dropped", { count: dropped }));
        position = log.first;
        return;
      }
      const piece = log.read(position);
      position = piece?.next ?? position;
      controller.enqueue(piece?.bytes ?? alive);
    },
    cancel: end,
  });
  return answer(body as BodyInit, { headers: { "content-type": "text/event-stream" } });
}

/** Finds where to go on. An id of another life of the program tells only that something was missed. */
function resume(log: EventLog, lastId: string | null): { from: number; missed?: "unknown" } {
  if (lastId === null) return { from: log.next };
  const [, epoch, number] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(lastId) ?? [];
  if (epoch !== log.epoch || Number(number) >= log.next) return { from: log.first, missed: "unknown" };
  return { from: Number(number) + 1 };
}
