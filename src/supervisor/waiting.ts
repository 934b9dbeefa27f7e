/**
 * A promise that is only made when somebody asks for it.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { onAbort } from "../process/on_abort.ts";

/** What some wait for, and how many of them have not given up. */
interface Shared<T> extends PromiseWithResolvers<T> {
  waiters: number;
}

/** Any number of callers that wait for the same thing. Most of the time nobody does, and then it costs a field. */
export class Waiting<T> {
  #shared: Shared<T> | undefined = undefined;

  /**
   * Waits for what comes next.
   *
   * @param signal Ends the wait of this caller, with its reason.
   */
  wait(signal?: AbortSignal): Promise<T> {
    const shared = (this.#shared ??= { ...Promise.withResolvers<T>(), waiters: 0 });
    shared.waiters++;
    return signal === undefined ? shared.promise : waitUnless(shared, signal);
  }

  /** Tells those who wait, and none that come later. */
  resolve(value: T): void {
    this.#shared?.resolve(value);
    this.#shared = undefined;
  }

  /**
   * Fails those who wait, and none that come later.
   *
   * @param makeError Makes the error; only called when somebody waits, as one costs 3 us.
   * @returns Whether somebody was told: one who has given up is not.
   */
  reject(makeError: () => unknown): boolean {
    const shared = this.#shared;
    this.#shared = undefined;
    shared?.reject(makeError());
    return shared !== undefined && shared.waiters > 0;
  }
}

async function waitUnless<T>(shared: Shared<T>, signal: AbortSignal): Promise<T> {
  using _givingUp = onAbort(signal, () => shared.waiters--);
  return await abortable(shared.promise, signal);
}
