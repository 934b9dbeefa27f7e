/**
 * The leases that processes run under, for tables that give any.
 *
 * @module
 */

import { checkArgument, isStrayPromise } from "../check.ts";
import { type Clock, settlesWithin, turn } from "../clock.ts";
import { describeKey } from "../errors.ts";
import type { SupervisorEvent } from "../events.ts";
import { onAbort } from "../on_abort.ts";
import type { Entry, Lease } from "../table/table.ts";

/** The right to run a process, under a lease or, for tables that give none, without. */
export interface Grant {
  readonly lease: Lease | undefined;
}

/** How long a release is waited for, in ms. */
const limitMs = 20_000;

const unconditional: Grant = { lease: undefined };

/** Can be forced to end. */
export interface Forceable {
  force(reason: unknown): void;
}

/** After how many forced ends the event loop gets a turn: an instance that loses all its slots has to go on beating. */
const forcesPerTurn = 256;

/** The processes under one signal. */
interface Group {
  readonly holders: Set<Forceable>;
  readonly listening: Disposable;
}

/** Forces processes to end when their lease is lost, a few hundred in a turn of the event loop, and gives leases back. */
export class Leases<K> {
  readonly #clock: Clock;
  readonly #emit: (event: SupervisorEvent<K>) => void;
  readonly #groups: Map<AbortSignal, Group> = new Map();
  /** Those whose lease is lost and who are still to be forced. Who has ended meanwhile is not met any more. */
  readonly #lost: Set<{ readonly rest: Iterator<Forceable>; readonly reason: unknown }> = new Set();
  #forcesInTurn = 0;
  readonly #releases: Set<Promise<void>> = new Set();

  /** Announces with the clock and `emit` that a release failed. */
  constructor(clock: Clock, emit: (event: SupervisorEvent<K>) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** Asks for the right to run the process of an entry. Returns `undefined` if this instance does not own the entry. */
  ask(entry: Entry<K, unknown>): Grant | undefined {
    if (!entry.lease) return unconditional;
    const lease = entry.lease();
    if (lease && !lease.signal) refuse(entry.key, lease);
    if (lease && !lease.signal.aborted) return { lease };
    if (lease) this.giveBack(lease, entry.key);
    return undefined;
  }

  /** Forces a holder to end when its lease is lost. */
  watch({ signal }: Lease, holder: Forceable): void {
    let group = this.#groups.get(signal);
    if (!group) {
      const holders = new Set<Forceable>();
      const lose = () => {
        this.#lost.add({ rest: holders.values(), reason: signal.reason });
        this.#forceSome();
      };
      group = { holders, listening: onAbort(signal, lose) };
      this.#groups.set(signal, group);
    }
    group.holders.add(holder);
  }

  /** Ends what {@linkcode Leases.watch} began. */
  unwatch({ signal }: Lease, holder: Forceable): void {
    const group = this.#groups.get(signal);
    group?.holders.delete(holder);
    if (group?.holders.size !== 0) return;
    group.listening[Symbol.dispose]();
    this.#groups.delete(signal);
  }

  /** Ends the right of a process that goes on, and gives the lease back. */
  revoke(lease: Lease, key: K, reason: unknown): void {
    try {
      const revoked: unknown = lease.revoke?.(reason);
      if (revoked !== undefined) Promise.resolve(revoked).catch((error) => this.#failed(key, error));
    } catch (error) {
      this.#failed(key, error);
    }
    this.giveBack(lease, key);
  }

  /** Gives a lease back, under which nothing runs any more. A failure becomes an event. */
  giveBack(lease: Lease, key: K): void {
    const release = this.#release(lease, key);
    this.#releases.add(release);
    release.then(() => this.#releases.delete(release));
  }

  /** Resolves when every lease that was being given back has been. */
  async idle(): Promise<void> {
    await Promise.all(this.#releases);
  }

  /** Forces a few within the abort. If there are more, each turn goes on with the rest. */
  #forceSome(): void {
    for (const group of this.#lost) {
      const { rest, reason } = group;
      while (this.#forcesInTurn < forcesPerTurn) {
        const { value: holder, done } = rest.next();
        if (done) {
          this.#lost.delete(group);
          break;
        }
        if (++this.#forcesInTurn === forcesPerTurn) turn().then(() => this.#forceMore());
        holder.force(reason);
      }
    }
  }

  #forceMore(): void {
    this.#forcesInTurn = 0;
    this.#forceSome();
  }

  async #release(lease: Lease, key: K): Promise<void> {
    try {
      const released = lease.release();
      if (released !== undefined && !await settlesWithin(this.#clock, this.#whenReleased(released, key), limitMs)) {
        throw new DOMException(
          `Cannot give the lease back: its release has not settled after ${limitMs} ms`,
          "TimeoutError",
        );
      }
    } catch (error) {
      this.#failed(key, error);
    }
  }

  async #whenReleased(released: Promise<void>, key: K): Promise<void> {
    try {
      await released;
    } catch (error) {
      this.#failed(key, error);
    }
  }

  #failed(key: K, error: unknown): void {
    this.#emit({ type: "entry-failed", at: this.#clock.now(), key, error });
  }
}

function refuse(key: unknown, lease: unknown): void {
  isStrayPromise(lease);
  checkArgument(`use the lease of ${describeKey(key)}`, "it must have a signal and a release", lease, false);
}
