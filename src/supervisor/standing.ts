/**
 * Where one key stands, and who waits for it.
 *
 * @module
 */

import type { Runnable } from "../process/runnable.ts";
import type { Attempt } from "./attempt.ts";
import type { Dormancy } from "./backoff.ts";
import { DeadlineHolder } from "./deadlines.ts";
import type { KeeperHost, Tally } from "./host.ts";
import { Waiting } from "./waiting.ts";

/** What goes on while there is no attempt: asked whether there is an entry, waits, looked at, or dormant. */
export type Phase = "asking" | "queued" | "looking" | Dormancy;

/** What is known of a key, without what is decided about it. */
export abstract class Standing<K, P extends Runnable> extends DeadlineHolder {
  readonly key: K;
  protected readonly host: KeeperHost<K>;
  phase: Phase = "asking";
  attempt: Attempt<K, P> | undefined = undefined;
  /** The runnable of the attempt while it is up. */
  running: P | undefined = undefined;
  /** Who counts how its start or stop comes out. */
  tally: Tally | undefined = undefined;
  isForgotten = false;
  // Most of the time nobody waits: these are made when somebody does.
  #up: Waiting<P> | undefined = undefined;
  #ended: Waiting<Attempt<K, P>> | undefined = undefined;

  constructor(host: KeeperHost<K>, key: K) {
    super();
    this.host = host;
    this.key = key;
    host.absent++;
  }

  /** Whether a process of the key exists, in whatever state, or is about to. */
  get exists(): boolean {
    return this.attempt !== undefined || !isAbsent(this.phase);
  }

  /** Resolves with the runnable when the process is up, rejects when it cannot come up. */
  whenUp(signal?: AbortSignal): Promise<P> {
    return this.running ? Promise.resolve(this.running) : (this.#up ??= new Waiting()).wait(signal);
  }

  /** Resolves with the attempt when it has ended, rejects when it gets stuck. */
  whenEnded(): Promise<Attempt<K, P>> {
    return (this.#ended ??= new Waiting()).wait();
  }

  /** Tells those who wait for the process to be up. */
  protected tellUp(runnable: P): void {
    const waiting = this.#up;
    this.#up = undefined;
    waiting?.resolve(runnable);
  }

  /** Tells them that it cannot come up; an error costs 3 us, and is only made for somebody. Returns whether there was. */
  protected failUp(makeError: () => unknown): boolean {
    const waiting = this.#up;
    this.#up = undefined;
    return waiting !== undefined && waiting.reject(makeError());
  }

  /** Tells those who wait for the end of the attempt. */
  protected tellEnded(attempt: Attempt<K, P>): void {
    const waiting = this.#ended;
    this.#ended = undefined;
    waiting?.resolve(attempt);
  }

  /** Tells everybody that the end does not come. */
  protected tellStuck(makeError: () => unknown): void {
    const waiting = this.#ended;
    this.#ended = undefined;
    waiting?.reject(makeError());
    this.failUp(makeError);
  }

  protected enter(phase: Phase): void {
    this.host.absent += Number(isAbsent(phase)) - Number(isAbsent(this.phase));
    this.phase = phase;
  }

  /** What was set going has come out, one way or another. */
  protected settled(isFailure: boolean): void {
    this.host.starts.release(this);
    this.tally?.settled(isFailure);
    this.tally = undefined;
  }

  /** Called when it is its turn to start. */
  abstract mayStart(): void;

  /** Called when that went wrong. */
  abstract cannotStart(error: unknown): void;

  protected forget(): void {
    this.enter("queued"); // so that it does not count as absent
    this.isForgotten = true;
    this.host.forget(this);
  }
}

function isAbsent(phase: Phase): boolean {
  return phase !== "queued" && phase !== "looking";
}
