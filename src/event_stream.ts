/**
 * Hands events to listeners.
 *
 * @module
 */

import { checkArgument } from "./check.ts";
import { printError } from "./error_data.ts";
import { onAbort } from "./on_abort.ts";

/** Takes events. An error that it throws, or rejects with, is printed and changes nothing. */
export type Listener<E> = (event: E) => void;

/** Options of a subscription. */
export interface SubscribeOptions {
  /** Ends the subscription when it aborts. */
  readonly signal?: AbortSignal;
  /**
   * Whether failures go on being printed to the console while there is no other subscriber: for what only shows or counts.
   *
   * @default {false}
   */
  readonly keepsConsole?: boolean;
}

/**
 * Hands events to listeners, in order, right after the step that caused them and never inside it, so that a listener
 * may call anything without seeing a half-done step.
 */
export class EventStream<E> {
  readonly #subscriptions: Set<Subscription<E>> = new Set();
  #lastNumber = 0;
  /** How many listeners take the place of the console. */
  #hearing = 0;
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
    return this.#subscriptions.size > 0;
  }

  /**
   * Adds a listener.
   *
   * @param listener Takes every event from now on.
   * @param options A signal that ends the subscription, and whether events without another listener are unheard all the same.
   * @returns Ends the subscription when it is disposed.
   */
  subscribe(listener: Listener<E>, { signal, keepsConsole = false }: SubscribeOptions = {}): Disposable {
    checkArgument("subscribe", "a listener is a function", listener, typeof listener === "function");
    const subscription: Subscription<E> = { listener, number: ++this.#lastNumber };
    const weight = keepsConsole ? 0 : 1;
    this.#subscriptions.add(subscription);
    this.#hearing += weight;
    const end = () => {
      if (this.#subscriptions.delete(subscription)) this.#hearing -= weight;
    };
    const listening = onAbort(signal, end);
    return {
      [Symbol.dispose]: () => {
        listening[Symbol.dispose]();
        end();
      },
    };
  }

  /** Announces an event. */
  emit(event: E): void {
    if (!this.observed) return this.#unheard(event);
    if (this.#pending.push(event) === 1) this.#defer(this.#flushNow);
  }

  /** Announces an event whose listeners may be called in the async context of this call, which saves the `defer`. */
  emitHere(event: E): void {
    if (!this.observed) return this.#unheard(event);
    if (this.#pending.push(event) === 1) ready.then(this.#flushNow);
  }

  /** Delivers what was announced and not yet delivered. */
  flush(): void {
    // A listener may cause further events: they are added to the end of the list that this loop goes through.
    for (let i = 0; i < this.#pending.length; i++) {
      if (this.#hearing === 0) this.#unheard(this.#pending[i]);
      if (this.observed) this.#deliver(this.#pending[i]);
    }
    this.#pending = [];
  }

  /** A listener may end the subscriptions of others, which are passed over then, or add one, which begins with the next event. */
  #deliver(event: E): void {
    const lastNumber = this.#lastNumber;
    for (const { listener, number } of this.#subscriptions) {
      if (number > lastNumber) return;
      call(listener, event);
    }
  }
}

interface Subscription<E> {
  readonly listener: Listener<E>;
  /** Grows with every subscription. */
  readonly number: number;
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
