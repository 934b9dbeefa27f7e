/**
 * The library with one mistake in it each: what the simulation is there to find.
 *
 * @module
 */

import { type Change, importChanged } from "../../changed_library.ts";
import type { Library } from "./instance.ts";
import type { FaultRates } from "./machine.ts";

/** One mistake. */
export interface Mutant {
  readonly mistake: string;
  /** Replacements, each in a file of `src/cluster`. */
  readonly changes: readonly Change[];
  /** How likely faults are at least: some mistakes show only if listings are read late, or fail. */
  readonly atLeast?: Partial<FaultRates>;
  /** A seed that finds it, if none of the first ones does: where a short run begins. */
  readonly foundAt?: number;
}

export const mutants: readonly Mutant[] = [
  {
    mistake: "skips the self-fence",
    foundAt: 12,
    changes: [{
      file: "heartbeat.ts",
      from: "if (this.silentMs < this.#instance.timing.fenceMs) return true;",
      to: "return true;",
    }],
  },
  {
    mistake: "trusts expireIn to tell who is dead",
    changes: [
      {
        file: "ledger.ts",
        from: ".set(key, record);",
        to: ".set(key, record, { expireIn: record.ttlMs });",
      },
      { file: "ownership.ts", from: "sightings.dead(clock.monotonic())", to: "([] as string[])" },
    ],
  },
  {
    mistake: "does not read back a heartbeat that was refused",
    changes: [{
      file: "ledger.ts",
      from: "const { value, versionstamp } = own;",
      to: "if (1) return { versionstamp: null, bell: bell.versionstamp };\nconst { value, versionstamp } = own;",
    }],
  },
  {
    mistake: "compares timestamps of other machines",
    changes: [
      {
        file: "heartbeat.ts",
        from: "beats: this.#beats,\n    };",
        to: "beats: this.#beats,\nbeatAt: this.#instance.clock.now() };",
      },
      {
        file: "sightings.ts",
        from: "sinceMs: nowMs, ttlMs",
        to: "sinceMs: (sessions.get(id) as any).beatAt ?? nowMs, ttlMs",
      },
      {
        file: "records.ts",
        from: "return { ...known, accepts, mismatch: undefined, ",
        to: "return { ...value as any, ...known, accepts, mismatch: undefined, ",
      },
      { file: "ownership.ts", from: "sightings.dead(clock.monotonic())", to: "sightings.dead(clock.now())" },
    ],
  },
  {
    mistake: "takes a slot without a check that its owner has no session",
    changes: [{
      file: "ledger.ts",
      from: "atomic.check({ key: this.#sessionKey(owner), versionstamp: null });",
      to: "",
    }],
  },
  {
    mistake: "takes a slot without a check that its own session stands",
    changes: [{
      file: "ledger.ts",
      from: "const atomic = this.#store.kv.atomic().check({ key, versionstamp });",
      to: "const atomic = this.#store.kv.atomic();",
    }],
  },
  {
    mistake: "does not notice that its database was set back",
    foundAt: 5,
    changes: [
      {
        file: "../kv/log_position.ts",
        from: "const { versionstamp, logged } = position;",
        to: "if (1) return undefined;\nconst { versionstamp, logged } = position;",
      },
      {
        file: "another_history.ts",
        from: "const { versionstamp } = beaten;",
        to: "if (1) return undefined;\nconst { versionstamp } = beaten;",
      },
      { file: "another_history.ts", from: "return bellEvidence(bell, beaten.bell);", to: "return undefined;" },
      { file: "another_history.ts", from: "const own = now", to: "if (1) return undefined;\nconst own = now" },
    ],
  },
  {
    mistake: "leaves the token of the former owner when it takes a slot",
    changes: [{
      file: "takeable.ts",
      from: "if (id !== record.session) atomic.delete(keys.token(slot, id));",
      to: "",
    }],
  },
  {
    mistake: "releases a slot before its processes have ended",
    changes: [{
      file: "claims.ts",
      from: "handingOverSinceMs !== undefined && leases.size === 0 && reports === 0",
      to: "handingOverSinceMs !== undefined",
    }],
  },
  {
    mistake: "fences itself only when its time to live is over",
    changes: [{ file: "timing.ts", from: "const fenceShare = 2 / 3;", to: "const fenceShare = 1;" }],
  },
  {
    mistake: "does not delete its session when it leaves",
    changes: [{
      file: "session.ts",
      from: "return await (leaves ? ledger.leave(this.id) : ledger.bury(this.id));",
      to: "return await Promise.resolve(true);",
    }],
  },
  {
    mistake: "never hands a slot over",
    changes: [{ file: "plan.ts", from: "handOver: elsewhere.slice(0, room)", to: "handOver: []" }],
  },
  {
    mistake: "looks often for ever",
    changes: [{ file: "ownership.ts", from: "return slots > 0 &&", to: "return slots >= 0 || sinceMs > 0 ||" }],
  },
  {
    mistake: "lists the claims at every look",
    changes: [{ file: "ledger.ts", from: "bell === known.bell", to: "false" }],
  },
  {
    mistake: "remembers the bell before the claims were listed",
    atLeast: { drop: 0.25 },
    foundAt: 28,
    changes: [{
      file: "ledger.ts",
      from: "const { claims, revisions } = areKnown",
      to: "if (known) Object.assign(known, { bell });\nconst { claims, revisions } = areKnown",
    }],
  },
  {
    mistake: "does not ring when it takes slots",
    changes: [{
      file: "ledger.ts",
      from: "each, record, this.keys);\n        return this.#ring(atomic).commit();",
      to: "each, record, this.keys);\n        return atomic.commit();",
    }],
  },
  {
    mistake: "does not ring when it gives slots back",
    changes: [{
      file: "ledger.ts",
      from: ".delete(this.keys.claim(slot));\n      }\n      return this.#ring(atomic).commit();",
      to: ".delete(this.keys.claim(slot));\n      }\n      return atomic.commit();",
    }],
  },
  {
    mistake: "does not ring when it deletes a session",
    changes: [{
      file: "ledger.ts",
      from: "return this.#ring(besides(kv.atomic().check(check).delete(key).delete(this.keys.info(id)))).commit();",
      to: "return besides(kv.atomic().check(check).delete(key).delete(this.keys.info(id))).commit();",
    }],
  },
  {
    mistake: "does not ring when it accepts slots, or no more",
    changes: [{ file: "ledger.ts", from: "(isNews ? this.#ring(atomic) : atomic)", to: "(isNews ? atomic : atomic)" }],
  },
  {
    mistake: "does not ring when it resigns",
    changes: [{
      file: "heartbeat.ts",
      from: "this.versionstamp, { isNews: true });",
      to: "this.versionstamp);",
    }],
  },
  {
    mistake: "takes a record for told that may have landed without an answer",
    foundAt: 32,
    changes: [
      { file: "heartbeat.ts", from: "if (isNews) this.#told = undefined;", to: "" },
      { file: "heartbeat.ts", from: "{\n      this.#told = undefined;\n", to: "{\n" },
    ],
  },
  {
    mistake: "has old revisions take slots beside a newer one",
    changes: [{ file: "receivers.ts", from: "pool.filter(({ rank }) => rank === newest)", to: "pool" }],
  },
  {
    mistake: "gives slots to a newcomer before it has proven itself",
    foundAt: 21,
    changes: [
      { file: "receivers.ts", from: "accepting.filter(({ isProven }) => isProven)", to: "accepting" },
      { file: "ownership.ts", from: "accepts && (isProven || isColdStart)", to: "accepts" },
    ],
  },
  {
    mistake: "balances slots with owners of an older revision",
    changes: [{
      file: "receivers.ts",
      from: "owner.rank === sharers[0].rank ? shared[slot] : owner.id",
      to: "shared[slot]",
    }],
  },
  {
    mistake: "does not ring when it changes the order of the revisions",
    changes: [{
      file: "enrolments.ts",
      from: "ring(store.kv.atomic().check(check).set(keys.revisions, record)).commit();",
      to: "store.kv.atomic().check(check).set(keys.revisions, record).commit();",
    }],
  },
  {
    mistake: "does not tell others that it is drained",
    changes: [{ file: "heartbeat.ts", from: "isLooking && !this.#instance.isDraining", to: "isLooking" }],
  },
  {
    mistake: "forgets that it is drained when it is fenced",
    changes: [{
      file: "session.ts",
      from: "this.membership.wasFenced = true;",
      to: "this.membership.wasFenced = true;\nthis.membership.drains.end();",
    }],
  },
  {
    mistake: "takes the rows of a slot for whole that were named",
    foundAt: 165,
    changes: [
      { file: "gained_slots.ts", from: "reading.complete(toCome);", to: "reading.complete([...slots, ...toCome]);" },
      { file: "kept_rows.ts", from: "rows?.delete(key);\n    this.#whole.delete(slot);", to: "rows?.delete(key);" },
    ],
  },
  {
    mistake: "takes the answer to an earlier beat for one that waited, and counts it from its asking",
    changes: [
      {
        file: "../kv/call.ts",
        from: "if (this.#isOver) this.#settledLate();",
        to: "(gate as any).late = value;\nif (this.#isOver) this.#settledLate();",
      },
      {
        file: "../kv/call.ts",
        from: "gates.wait(gate, () => this.#send())",
        to: "gates.wait(gate, () => (gate as any).late?.ok ? this.#answered((gate as any).late) : this.#send())",
      },
      { file: "heartbeat.ts", from: "let sentMs = -Infinity;", to: "let sentMs = clock.monotonic();" },
    ],
  },
  {
    mistake: "leaves a late beat of a fenced session standing",
    foundAt: 65,
    changes: [
      {
        file: "session.ts",
        from: "while (!await this.#retire() && !signal.aborted) await pause(clock, timing.eagerLookMs, signal);",
        to: "await this.#retire();",
      },
      { file: "ownership.ts", from: "filter((id) => retired.has(id))", to: "filter(() => false)" },
    ],
  },
  {
    mistake: "never wakes what waits at a gate, neither when that opens nor at its deadline",
    changes: [
      { file: "../kv/gate.ts", from: "for (const opened of waiters) opened();", to: "void waiters;" },
      {
        file: "../kv/call.ts",
        from: "this.#armDeadline();\n      this.#waiting = gates.wait",
        to: "this.#waiting = gates.wait",
      },
    ],
  },
  {
    mistake: "starts in a pass what is paused",
    foundAt: 6,
    changes: [
      {
        file: "../supervisor/answers.ts",
        from: "  if (isPaused(keeper, entry)) return false;\n  goOnFrom",
        to: "  goOnFrom",
      },
      { file: "../supervisor/keeper.ts", from: "if (isPaused(this, entry)) return;", to: "" },
    ],
  },
  {
    mistake: "writes what is wrong with a key without the check of its claim",
    changes: [{ file: "../kv/condition_writer.ts", from: "...claim ? [claim.check] : []", to: "" }],
  },
  {
    mistake: "keeps what is reported of a version that is gone",
    changes: [{ file: "../kv/condition_writer.ts", from: "{ key: entryKey, versionstamp: version }, ", to: "" }],
  },
  {
    mistake: "forgets at a hand-over that a key was parked",
    changes: [{ file: "owned_table.ts", from: "return this.#entry.trouble;", to: "return undefined;" }],
  },
  {
    mistake: "takes what it knew of a key before it was handed over for what has become of it",
    foundAt: 11,
    changes: [{
      file: "gained_slots.ts",
      from: "return beside && row instanceof StoredEntry ? row.beside(beside) : undefined;",
      to: "return row;",
    }],
  },
  {
    mistake: "accepts the commit of an abandoned run",
    foundAt: 4,
    changes: [{ file: "claim_handle.ts", from: "this.#revoking.signal.throwIfAborted();", to: "" }],
  },
  {
    mistake: "sends a write that waited, though its claim is lost meanwhile",
    changes: [{
      file: "ledger.ts",
      from: "isHeld() ? await atomic.commit() : { ok: false } as const",
      to: "await atomic.commit()",
    }],
  },
  {
    mistake: "revokes a neighbour's claim too",
    foundAt: 4,
    changes: [{ file: "claims.ts", from: "const claim = hold.newHandle();", to: "const claim = hold.claim;" }],
  },
  {
    mistake: "does not give the slot of an abandoned process back",
    foundAt: 39,
    changes: [{
      file: "../supervisor/leases.ts",
      from: "}\n    this.giveBack(lease, key);\n  }\n\n  /** Gives",
      to: "}\n  }\n\n  /** Gives",
    }],
  },
  {
    mistake: "never sweeps",
    changes: [{ file: "owned_table.ts", from: "this.sweepMs = table.sweepMs;", to: "this.sweepMs = 2_147_483_647;" }],
  },
];

/** Loads the library with the mistake in it, from a copy of its source. */
export async function load({ mistake, changes }: Mutant): Promise<Library> {
  const ofCluster = changes.map((change) => ({ ...change, file: `src/cluster/${change.file}` }));
  const modules = ["mod.ts", "src/kv/mod.ts", "src/cluster/mod.ts"];
  const [core, kv, cluster] = await importChanged(mistake, ofCluster, modules);
  return { Supervisor: core.Supervisor, chain: core.chain, KvTable: kv.KvTable, Cluster: cluster.Cluster };
}
