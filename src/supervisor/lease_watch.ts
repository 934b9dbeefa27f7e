/**
 * Forces processes to end when the lease they run under is lost.
 *
 * @module
 */

/** Can be forced to end. */
export interface Forceable {
  force(reason: unknown): void;
}

/** Watches any number of leases with one listener per signal: a listener per process on a shared signal is quadratic. */
export class LeaseWatch {
  readonly #groups: Map<AbortSignal, { holders: Set<Forceable>; onAbort: () => void }> = new Map();

  /**
   * Forces a holder to end when a signal aborts.
   *
   * @param signal The signal of a lease.
   * @param holder Who runs under it.
   */
  watch(signal: AbortSignal, holder: Forceable): void {
    let group = this.#groups.get(signal);
    if (!group) {
      const holders = new Set<Forceable>();
      const onAbort = () => {
        for (const each of [...holders]) each.force(signal.reason);
      };
      group = { holders, onAbort };
      this.#groups.set(signal, group);
      signal.addEventListener("abort", onAbort);
    }
    group.holders.add(holder);
  }

  /**
   * Ends what {@linkcode LeaseWatch.watch} began.
   *
   * @param signal The signal of the lease.
   * @param holder Who ran under it.
   */
  unwatch(signal: AbortSignal, holder: Forceable): void {
    const group = this.#groups.get(signal);
    group?.holders.delete(holder);
    if (group?.holders.size !== 0) return;
    signal.removeEventListener("abort", group.onAbort);
    this.#groups.delete(signal);
  }
}
