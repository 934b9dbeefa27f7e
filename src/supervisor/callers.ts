/**
 * The callers that wait for the process of one key.
 *
 * @module
 */

import type { Runnable } from "../process/runnable.ts";
import type { Attempt } from "./attempt.ts";
import { Waiting } from "./waiting.ts";

/** Made when a caller waits, as most of the time none does. */
export class Callers<K, P extends Runnable> {
  /** Where the call came from that the next start is for, if that is known. */
  origin: string | undefined = undefined;
  #up: Waiting<P> | undefined = undefined;
  #started: Waiting<P> | undefined = undefined;
  #ended: Waiting<Attempt<K, P>> | undefined = undefined;

  /** Waits for the process to be up, in whichever life. */
  whenUp(signal: AbortSignal | undefined): Promise<P> {
    return (this.#up ??= new Waiting()).wait(signal);
  }

  /** Waits for the very start that it asked for to be up. */
  whenStarted(): Promise<P> {
    return (this.#started ??= new Waiting()).wait();
  }

  /** Waits for the end of the attempt; rejects when that gets stuck. */
  whenEnded(): Promise<Attempt<K, P>> {
    return (this.#ended ??= new Waiting()).wait();
  }

  tellUp(runnable: P): void {
    this.#up?.resolve(runnable);
    this.#started?.resolve(runnable);
    this.#up = this.#started = undefined;
  }

  /** It cannot come up. An error costs 3 us, and is only made for a caller. Returns whether there was one. */
  failUp(makeError: () => unknown): boolean {
    const waiting = [this.#up, this.#started].filter((each) => each !== undefined);
    this.#up = this.#started = undefined;
    if (waiting.length === 0) return false;
    const error = makeError();
    return waiting.map((each) => each.reject(error)).includes(true);
  }

  /** A new start takes the place of the one that was asked for. */
  failStarted(makeError: () => unknown): void {
    this.#started?.reject(makeError());
    this.#started = undefined;
  }

  tellEnded(attempt: Attempt<K, P>): void {
    this.#ended?.resolve(attempt);
    this.#ended = undefined;
  }

  failEnded(makeError: () => unknown): void {
    this.#ended?.reject(makeError());
    this.#ended = undefined;
  }
}
