/**
 * Hands events to listeners.
 *
 * @module
 */

import { checkArgument } from "./check.ts";
import { printError } from "./error_data.ts";

/** Takes events. An error that it throws, or rejects with, is printed and changes nothing. */
export type Listener<E> = (event: E) => void;

/**
 * Hands events to listeners, in order, right after the step that caused them and never inside it, so that a listener
 * may call anything without seeing a half-done step.
 */
export class EventStream<E> {
  #subscriptions: Subscription<E>[] = [];
  #pending: E[] = [];
  readonly #unheard: (event: E) => void;
  readonly #defer: (step: () => void) => void;
  readonly #flushNow = (): void => this.flush();

  /**
   * @param unheard Takes the events that have no listener: at once, or later if the last listener leaves before its turn.
   * @param defer Calls a function in a microtask.
   */
  constructor(
    unheard: (event: E) => void = () => {},
    defer: (step: () => void) => void = (step) => void ready.then(step),
  ) {
    this.#unheard = unheard;
    this.#defer = defer;
  }

  /** Whether there is a listener: without one, an event need not even be made. */
  get observed(): boolean {
    return this.#subscriptions.length > 0;
  }

  /**
   * Adds a listener.
   *
   * @param listener Takes every event from now on.
   * @param signal Ends the subscription.
   * @returns Ends the subscription when it is disposed.
   */
  subscribe(listener: Listener<E>, signal?: AbortSignal): Disposable {
    checkArgument("subscribe", "a listener is a function", listener, typeof listener === "function");
    const own: Subscription<E> = { listener, isOver: false };
    const end = () => {
      own.isOver = true;
      this.#subscriptions = this.#subscriptions.filter((other) => other !== own);
      signal?.removeEventListener("abort", end);
    };
    if (!signal?.aborted) {
      this.#subscriptions = [...this.#subscriptions, own];
      signal?.addEventListener("abort", end);
    }
    return { [Symbol.dispose]: end };
  }

  /** Announces an event. */
  emit(event: E): void {
    if (!this.observed) return this.#unheard(event);
    if (this.#pending.push(event) === 1) this.#defer(this.#flushNow);
  }

  /** Delivers what was announced and not yet delivered. */
  flush(): void {
    // A listener may cause further events: they are added to the end of the list that this loop goes through.
    for (let i = 0; i < this.#pending.length; i++) {
      if (!this.observed) this.#unheard(this.#pending[i]);
      for (const { listener, isOver } of this.#subscriptions) if (!isOver) call(listener, this.#pending[i]);
    }
    this.#pending = [];
  }
}

interface Subscription<E> {
  readonly listener: Listener<E>;
  isOver: boolean;
}

/** A way to the microtask queue at half the cost of `queueMicrotask`, which wraps its callback. */
const ready: Promise<void> = Promise.resolve();

function call<E>(listener: Listener<E>, event: E): void {
  try {
    const result: unknown = listener(event);
    // Resolved first: a foreign promise may throw when it is looked at.
    if (typeof result === "object" && result !== null) Promise.resolve(result).catch(report);
  } catch (error) {
    report(error);
  }
}

function report(error: unknown): void {
  printError("An event listener failed", error);
}
