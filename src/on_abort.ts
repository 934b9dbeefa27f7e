/**
 * Any number of abort listeners on one signal, each of which can leave.
 *
 * @module
 */

const nothing: Disposable = { [Symbol.dispose]: () => {} };

/**
 * Calls a listener when a signal aborts, at once if it has already; without a signal, never. Listeners are called in the order
 * in which they came; what one throws is reported as an uncaught error, as with any event, and the others are called.
 *
 * Coming and leaving cost the same however many others there are: the signal itself has one listener for all, as its
 * `addEventListener` takes as long as there are listeners. `AbortSignal.any` costs three times as much and leaks memory.
 *
 * @returns Removes the listener when it is disposed of.
 *
 * @example A listener that leaves in time
 * ```ts
 * import { onAbort } from "./on_abort.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const controller = new AbortController();
 * const calls: string[] = [];
 * onAbort(controller.signal, () => calls.push("first"));
 * {
 *   using _left = onAbort(controller.signal, () => calls.push("second"));
 * }
 * controller.abort();
 * assertEquals(calls, ["first"]);
 * ```
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): Disposable {
  if (signal === undefined) return nothing;
  if (signal.aborted) {
    listener();
    return nothing;
  }
  let hub = hubs.get(signal);
  if (hub === undefined) hubs.set(signal, hub = new Hub(signal));
  return new Listening(hub, listener);
}

/** The one listener of each signal. Kept when it is empty: a signal that was listened to often is again. */
const hubs: WeakMap<AbortSignal, Hub> = new WeakMap();

class Hub implements EventListenerObject {
  readonly signal: AbortSignal;
  readonly all: Set<Listening> = new Set();

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  handleEvent(): void {
    for (const listening of this.all) {
      listening[Symbol.dispose]();
      try {
        listening.listener();
      } catch (error) {
        reportError(error);
      }
    }
  }
}

class Listening implements Disposable {
  readonly hub: Hub;
  readonly listener: () => void;

  constructor(hub: Hub, listener: () => void) {
    this.hub = hub;
    this.listener = listener;
    if (hub.all.size === 0) hub.signal.addEventListener("abort", hub);
    hub.all.add(this);
  }

  [Symbol.dispose](): void {
    const { all, signal } = this.hub;
    if (all.delete(this) && all.size === 0) signal.removeEventListener("abort", this.hub);
  }
}
