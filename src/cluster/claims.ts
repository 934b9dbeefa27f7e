/**
 * The slots that one session holds, and who runs under each.
 *
 * ```text
 *   held ──▶ handing over ──▶ nobody runs there: to be released
 *     │           │
 *     └───────────┴──▶ lost: everybody who runs there is aborted
 * ```
 *
 * @module
 */

import type { Claim } from "../kv/context.ts";
import type { Lease } from "../table/table.ts";
import type { SlotHeld } from "./plan.ts";

/** Wants to know what becomes of the slots: a view of a table. */
export interface SlotAudience {
  /** Slots are held that were not, or are wanted here again. */
  slotsGained(): void;
  /** A process must end gracefully, since its slot is being handed over. */
  mustEnd(key: unknown): void;
}

/** Commits an operation that has its check. */
export type GuardedCommit = (atomic: Deno.AtomicOperation) => Promise<Deno.KvCommitResult | Deno.KvCommitError>;

/** One slot that is held. */
class Hold {
  readonly controller: AbortController = new AbortController();
  readonly claim: Claim;
  /** Who runs under it. */
  readonly leases: Set<SlotLease> = new Set();
  handingOverSinceMs: number | undefined = undefined;
  /** Who did not end when the slot was to be handed over. */
  #blockers: readonly SlotLease[] = [];

  constructor(key: Deno.KvKey, versionstamp: string, commit: GuardedCommit) {
    const { signal } = this.controller;
    const check = { key, versionstamp };
    this.claim = { check, commit: (atomic) => commit(atomic.check(check)), signal, token: versionstamp };
  }

  get isBlocked(): boolean {
    return this.#blockers.some((lease) => this.leases.has(lease));
  }

  handOver(nowMs: number): void {
    this.handingOverSinceMs = nowMs;
    for (const { audience, key } of this.leases) audience.mustEnd(key);
  }

  keep(blockers: readonly SlotLease[]): void {
    this.handingOverSinceMs = undefined;
    this.#blockers = blockers;
  }
}

/** The right to run one process, as long as its slot is held. */
export class SlotLease implements Lease {
  /** What the process can prove its right with. */
  readonly claim: Claim;
  readonly #release: (lease: SlotLease) => void;
  /** Whose process. */
  readonly audience: SlotAudience;
  /** Which process. */
  readonly key: unknown;

  constructor(claim: Claim, audience: SlotAudience, key: unknown, release: (lease: SlotLease) => void) {
    this.claim = claim;
    this.audience = audience;
    this.key = key;
    this.#release = release;
  }

  /** Aborts when the slot is lost. */
  get signal(): AbortSignal {
    return this.claim.signal;
  }

  /** Says that the process has ended. */
  release(): void {
    this.#release(this);
  }
}

/** What claims need from their session. */
export interface ClaimsHost {
  /** Commits what processes write under their claims. */
  readonly commit: GuardedCommit;
  /** Returns the moment, in ms. */
  nowMs(): number;
  /** Is told that nobody runs any more in a slot that is being handed over, or was lost. */
  emptied(): void;
}

/** The slots that one session holds. */
export class Claims {
  readonly #holds: Map<number, Hold> = new Map();
  /** Leases of slots that are held no more, under which something may still run. */
  readonly #orphans: Set<SlotLease> = new Set();
  readonly #host: ClaimsHost;

  /** @param host What it needs from its session. */
  constructor(host: ClaimsHost) {
    this.#host = host;
  }

  /** The slots that are held. */
  get held(): ReadonlyMap<number, SlotHeld & { readonly claim: Claim }> {
    return this.#holds;
  }

  /** Whether something runs, or may still run, under a claim of this session. */
  get isBusy(): boolean {
    return this.#orphans.size > 0 || [...this.#holds.values()].some(({ leases }) => leases.size > 0);
  }

  /** Slots that are being handed over and in which nobody runs, with the tokens of their claims. */
  get drained(): Map<number, string> {
    return this.#tokens((hold) => hold.handingOverSinceMs !== undefined && hold.leases.size === 0);
  }

  /** Slots in which nobody runs, with the tokens of their claims. */
  get idle(): Map<number, string> {
    return this.#tokens((hold) => hold.leases.size === 0);
  }

  /**
   * Holds a slot from now on.
   *
   * @param slot The slot.
   * @param key The key of the claim.
   * @param versionstamp The commit of the claim.
   */
  hold(slot: number, key: Deno.KvKey, versionstamp: string): void {
    this.#holds.set(slot, new Hold(key, versionstamp, this.#host.commit));
  }

  /**
   * Grants the right to run a process.
   *
   * @param slot Its slot.
   * @param audience Who is told when it has to end.
   * @param key Which process.
   * @returns The lease, or `undefined` when the slot is not held, or is being handed over.
   */
  lease(slot: number, audience: SlotAudience, key: unknown): SlotLease | undefined {
    const hold = this.#holds.get(slot);
    if (!hold || hold.handingOverSinceMs !== undefined) return undefined;
    const lease = new SlotLease(hold.claim, audience, key, (each) => this.#released(hold, each));
    hold.leases.add(lease);
    return lease;
  }

  /**
   * Begins to hand a slot over: nothing is started there, and what runs is to end.
   *
   * @param slot The slot.
   */
  handOver(slot: number): void {
    this.#holds.get(slot)?.handOver(this.#host.nowMs());
  }

  /**
   * Does not hand a slot over after all, since it is wanted here again.
   *
   * @param slot The slot.
   */
  reclaim(slot: number): void {
    this.#holds.get(slot)?.keep([]);
  }

  /**
   * Does not hand a slot over for now, since what runs there does not end. When it has ended, the slot is handed over at
   * once: another life of a process that stops slowly must not come between.
   *
   * @param slot The slot.
   */
  giveUp(slot: number): void {
    const hold = this.#holds.get(slot);
    hold?.keep([...hold.leases]);
  }

  /**
   * Stops holding a slot. What still runs there is aborted.
   *
   * @param slot The slot.
   * @param reason What the signals abort with.
   */
  lose(slot: number, reason: unknown): void {
    const hold = this.#holds.get(slot);
    if (!hold) return;
    this.#holds.delete(slot);
    for (const lease of hold.leases) this.#orphans.add(lease);
    hold.controller.abort(reason);
  }

  /**
   * Stops holding anything. What still runs is aborted.
   *
   * @param reason What the signals abort with.
   */
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
    if (wasBlocked && !hold.isBlocked) hold.handOver(this.#host.nowMs());
    const isAwaited = hold.handingOverSinceMs !== undefined || hold.controller.signal.aborted;
    if (hold.leases.size === 0 && isAwaited) this.#host.emptied();
  }
}
