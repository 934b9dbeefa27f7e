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
      from: "const { value, versionstamp } = await",
      to: "return undefined;\nconst { value, versionstamp } = await",
    }],
  },
  {
    mistake: "compares timestamps of other machines",
    changes: [
      {
        file: "heartbeat.ts",
        from: "slots, accepts };",
        to: "slots, accepts, beatAt: this.#instance.clock.now() };",
      },
      {
        file: "sightings.ts",
        from: "sinceMs: nowMs, ttlMs",
        to: "sinceMs: (sessions.get(id) as any).beatAt ?? nowMs, ttlMs",
      },
      {
        file: "records.ts",
        from: "return { versionstamp, ttlMs, accepts, first, mismatch: undefined };",
        to:
          "return { versionstamp, ttlMs, accepts, first, mismatch: undefined, beatAt: (value as any).beatAt } as any;",
      },
      { file: "ownership.ts", from: "sightings.dead(clock.monotonic())", to: "sightings.dead(clock.now())" },
    ],
  },
  {
    mistake: "takes a slot without a check that its owner has no session",
    atLeast: { tear: 0.5 },
    foundAt: 48,
    changes: [{
      file: "ledger.ts",
      from: "atomic.check({ key: this.#sessionKey(owner), versionstamp: null });",
      to: "",
    }],
  },
  {
    mistake: "leaves the token of the former owner when it takes a slot",
    changes: [{
      file: "ledger.ts",
      from: "if (id !== record.session) atomic.delete(this.tokenKey(slot, id));",
      to: "",
    }],
  },
  {
    mistake: "releases a slot before its processes have ended",
    changes: [{
      file: "claims.ts",
      from: "hold.handingOverSinceMs !== undefined && hold.leases.size === 0",
      to: "hold.handingOverSinceMs !== undefined",
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
      from: "return await ledger.bury(this.id);",
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
    atLeast: { drop: 0.1 },
    foundAt: 7,
    changes: [{
      file: "ledger.ts",
      from: "const claims = areKnown",
      to: "if (known) Object.assign(known, { bell });\nconst claims = areKnown",
    }],
  },
  {
    mistake: "does not ring when it takes slots",
    changes: [{
      file: "ledger.ts",
      from: "each, record);\n        return this.#ring(atomic).commit();",
      to: "each, record);\n        return atomic.commit();",
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
      from: "return this.#ring(kv.atomic().check(check).delete(key).delete(this.keys.info(id))).commit();",
      to: "return kv.atomic().check(check).delete(key).delete(this.keys.info(id)).commit();",
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
    changes: [
      { file: "heartbeat.ts", from: "if (isNews) this.#toldAccepts = undefined;", to: "" },
      { file: "heartbeat.ts", from: "{\n      this.#toldAccepts = undefined;\n", to: "{\n" },
    ],
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
