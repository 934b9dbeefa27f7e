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

/** A list that any member can leave. A Set would be two more objects for each signal, most of which have one listener. */
class Hub implements EventListenerObject {
  readonly signal: AbortSignal;
  first: Listening | undefined = undefined;
  last: Listening | undefined = undefined;

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  handleEvent(): void {
    for (let next = this.first; next !== undefined; next = this.first) {
      next[Symbol.dispose]();
      try {
        next.listener();
      } catch (error) {
        reportError(error);
      }
    }
  }

  add(listening: Listening): void {
    if (this.last === undefined) this.first = listening;
    else this.last.after = listening;
    listening.before = this.last;
    this.last = listening;
    if (this.first === listening) this.signal.addEventListener("abort", this);
  }

  remove({ before, after }: Listening): void {
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    // A signal aborts once, so its listener need not be removed then, which would cost as much as the abort itself.
    if (this.first === undefined && !this.signal.aborted) this.signal.removeEventListener("abort", this);
  }
}

class Listening implements Disposable {
  before: Listening | undefined = undefined;
  after: Listening | undefined = undefined;
  /** `undefined` once it has left. */
  hub: Hub | undefined;
  readonly listener: () => void;

  constructor(hub: Hub, listener: () => void) {
    this.hub = hub;
    this.listener = listener;
    hub.add(this);
  }

  [Symbol.dispose](): void {
    this.hub?.remove(this);
    this.hub = undefined;
  }
}
