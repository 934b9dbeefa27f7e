/**
 * The slots that one session holds, and which processes run under each.
 *
 * ```text
 *   held ──▶ handing over ──▶ drained: nothing runs there, to be released
 *     │           │
 *     └───────────┴──▶ lost: all that runs there is aborted
 * ```
 *
 * `heartbeat.ts` decides when a session is fenced; here that is carried out: {@linkcode Claims.loseAll} aborts its signal, and its commits have a check that the database refuses
 * as soon as another session has taken the slot.
 *
 * @module
 */

import { type Clock, wholeMs } from "../clock.ts";
import type { Lease } from "../table/table.ts";
import { ClaimHandle, type CommitHeld } from "./claim_handle.ts";
import type { SlotHeld } from "./plan.ts";

/** Is told what becomes of the slots: a view of a table. */
export interface SlotListener {
  /** Slots were newly acquired, or are wanted here again. */
  slotsGained(slots: readonly number[]): void;
  /** A process must end gracefully, since its slot is being handed over. */
  mustEnd(key: unknown): void;
  /** The process of a key has given its lease back. */
  hasEnded(key: unknown): void;
  /** Slots are being handed over: what is known of keys in them that do not run is to go with them. */
  slotsLeaving(slots: readonly number[]): void;
}

/** The right to run one process, as long as its slot is held. */
export interface SlotLease extends Lease {
  /** What the process proves its right with. */
  readonly claim: ClaimHandle;
}

/** One slot that is held. */
class Hold {
  readonly controller: AbortController = new AbortController();
  /** That of the instance itself, under which it reports. */
  readonly claim: ClaimHandle;
  /** Makes the claim of one process. */
  readonly newHandle: () => ClaimHandle;
  /** What runs under it, and what tells it to end. */
  readonly leases: Map<SlotLease, () => void> = new Map();
  /** How many reports are being written under its claim. Unlike what runs, they count for nothing once the slot is lost. */
  reports = 0;
  handingOverSinceMs: number | undefined = undefined;
  /** What did not end when the slot was to be handed over. */
  #blockers: readonly SlotLease[] = [];

  constructor(key: Deno.KvKey, versionstamp: string, commit: CommitHeld) {
    // Handed out to every process of the slot: what one of them changes would break the writes of all.
    const check = Object.freeze({ key: Object.freeze([...key]), versionstamp });
    this.newHandle = () => new ClaimHandle(check, this.controller.signal, commit);
    this.claim = this.newHandle();
  }

  get isBlocked(): boolean {
    return this.#blockers.some((lease) => this.leases.has(lease));
  }

  handOver(nowMs: number): void {
    this.handingOverSinceMs = nowMs;
    for (const tellToEnd of this.leases.values()) tellToEnd();
  }

  keep(blockers: readonly SlotLease[]): void {
    this.handingOverSinceMs = undefined;
    this.#blockers = blockers;
  }
}

/** What {@linkcode Claims} are made of. */
export interface ClaimsOptions {
  /** Times the hand-overs: only the monotonic clock counts. */
  readonly clock: Clock;
  /** Commits what processes write under their claims. */
  readonly commit: CommitHeld;
  /** Is called when nothing runs any more in a slot that is being handed over, or was lost. */
  readonly emptied: () => void;
}

/** The slots that one session holds. */
export class Claims {
  readonly #holds: Map<number, Hold> = new Map();
  /** Leases of slots that are held no more, under which something may still run. */
  readonly #orphans: Set<SlotLease> = new Set();
  readonly #options: ClaimsOptions;

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** The slots that are held. */
  get held(): ReadonlyMap<number, SlotHeld & { readonly claim: ClaimHandle }> {
    return this.#holds;
  }

  /** Whether something runs, or may still run, under a claim of this session. */
  get isBusy(): boolean {
    return this.#orphans.size > 0 || [...this.#holds.values()].some(({ leases }) => leases.size > 0);
  }

  /** Slots that are being handed over and in which nothing runs, with the tokens of their claims. */
  get drained(): Map<number, string> {
    return this.#tokens(({ handingOverSinceMs, leases, reports }) => {
      return handingOverSinceMs !== undefined && leases.size === 0 && reports === 0;
    });
  }

  /** Slots in which nothing runs, with the tokens of their claims. */
  get idle(): Map<number, string> {
    return this.#tokens((hold) => hold.leases.size === 0);
  }

  /** Holds a slot from now on: the key and the commit of its claim are the check of all that is written under it. */
  hold(slot: number, key: Deno.KvKey, versionstamp: string): void {
    this.#holds.set(slot, new Hold(key, versionstamp, this.#options.commit));
  }

  /** Tells whether processes may be started in a slot. */
  grants(slot: number): boolean {
    const hold = this.#holds.get(slot);
    return hold !== undefined && hold.handingOverSinceMs === undefined;
  }

  /** Whether there is any such slot. */
  get grantsAny(): boolean {
    return this.#holds.values().some(({ handingOverSinceMs }) => handingOverSinceMs === undefined);
  }

  /**
   * Grants the right to run the process of a key, under a claim of its own.
   *
   * @param listener Is told when the process has to end.
   * @returns The lease; `undefined` when the slot is not held, or is being handed over.
   */
  lease(slot: number, listener: SlotListener, key: unknown): SlotLease | undefined {
    const hold = this.#holds.get(slot);
    if (!hold || hold.handingOverSinceMs !== undefined) return undefined;
    const claim = hold.newHandle();
    const lease: SlotLease = {
      claim,
      signal: hold.controller.signal,
      revoke: () => claim.revoke(),
      release: () => {
        this.#released(hold, lease);
        listener.hasEnded(key);
      },
    };
    hold.leases.set(lease, () => listener.mustEnd(key));
    return lease;
  }

  /** Returns the claim on a slot in which processes may be started. */
  claimOn(slot: number): ClaimHandle | undefined {
    return this.grants(slot) ? this.#holds.get(slot)?.claim : undefined;
  }

  /** Grants the right to report under the claim on a slot, also while that is being handed over, which waits for the release. */
  leaseToReport(slot: number): { readonly claim: ClaimHandle; release(): void } | undefined {
    const hold = this.#holds.get(slot);
    if (!hold) return undefined;
    hold.reports++;
    const release = () => {
      hold.reports--;
      this.#tellIfEmptied(hold);
    };
    return { claim: hold.claim, release };
  }

  /** Begins to hand a slot over: nothing is started there, and what runs is to end. */
  handOver(slot: number): void {
    this.#holds.get(slot)?.handOver(this.#options.clock.monotonic());
  }

  /** Does not hand a slot over after all, since it is wanted here again. */
  reclaim(slot: number): void {
    this.#holds.get(slot)?.keep([]);
  }

  /**
   * Does not hand a slot over for now, since what runs there does not end. When it has ended, the slot is handed over at
   * once: another life of a process that stops slowly must not come between.
   */
  giveUp(slot: number): void {
    const hold = this.#holds.get(slot);
    hold?.keep([...hold.leases.keys()]);
  }

  /**
   * Stops holding a slot. What still runs there is aborted with the reason.
   *
   * @returns For how long it was being handed over, in ms; `undefined` if it was not.
   */
  lose(slot: number, reason: unknown): number | undefined {
    const hold = this.#holds.get(slot);
    if (!hold) return undefined;
    const { handingOverSinceMs: sinceMs } = hold;
    this.#holds.delete(slot);
    for (const lease of hold.leases.keys()) this.#orphans.add(lease);
    hold.controller.abort(reason);
    return sinceMs === undefined ? undefined : wholeMs(this.#options.clock.monotonic() - sinceMs);
  }

  /** Stops holding anything. What still runs is aborted with the reason. */
  loseAll(reason: unknown): void {
    for (const slot of [...this.#holds.keys()]) this.lose(slot, reason);
  }

  #tokens(isWanted: (hold: Hold) => boolean): Map<number, string> {
    const tokens = new Map<number, string>();
    for (const [slot, hold] of this.#holds) if (isWanted(hold)) tokens.set(slot, hold.claim.token);
    return tokens;
  }

  #released(hold: Hold, lease: SlotLease): void {
    const wasBlocked = hold.isBlocked;
    hold.leases.delete(lease);
    this.#orphans.delete(lease);
    if (wasBlocked && !hold.isBlocked) hold.handOver(this.#options.clock.monotonic());
    this.#tellIfEmptied(hold);
  }

  #tellIfEmptied({ leases, reports, handingOverSinceMs, controller: { signal } }: Hold): void {
    const isAwaited = (handingOverSinceMs !== undefined && reports === 0) || signal.aborted;
    if (leases.size === 0 && isAwaited) this.#options.emptied();
  }
}
