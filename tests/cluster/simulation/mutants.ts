/**
 * The library with one mistake in it each: what the simulation is there to find.
 *
 * @module
 */

import type { Library } from "./instance.ts";

/** One replacement in one file of `src/cluster`. */
interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** One mistake. */
export interface Mutant {
  readonly mistake: string;
  readonly changes: readonly Change[];
}

const root = new URL("../../../", import.meta.url);

export const mutants: readonly Mutant[] = [
  {
    mistake: "skips the self-fence",
    changes: [{ file: "session.ts", from: "if (this.silentMs < this.#fenceMs) return true;", to: "return true;" }],
  },
  {
    mistake: "trusts expireIn to tell who is dead",
    changes: [
      {
        file: "ledger.ts",
        from: ".set(key, record).commit()",
        to: ".set(key, record, { expireIn: record.ttlMs }).commit()",
      },
      { file: "ownership.ts", from: "of sightings.dead(clock.monotonic())", to: "of [] as string[]" },
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
      { file: "session.ts", from: "slots, hasBeaten };", to: "slots, hasBeaten, beatAt: clock.now() };" },
      {
        file: "sightings.ts",
        from: "sinceMs: nowMs, ttlMs",
        to: "sinceMs: (sessions.get(id)!.record as any).beatAt, ttlMs",
      },
      { file: "ownership.ts", from: "of sightings.dead(clock.monotonic())", to: "of sightings.dead(clock.now())" },
    ],
  },
  {
    mistake: "takes a slot without a check that its owner has no session",
    changes: [{
      file: "ledger.ts",
      from: "atomic.check({ key: sessionKey(this.#prefix, owner), versionstamp: null });",
      to: "",
    }],
  },
  {
    mistake: "releases a slot before its processes have ended",
    changes: [{ file: "claims.ts", from: "hold.isHandingOver && hold.leases.size === 0", to: "hold.isHandingOver" }],
  },
  {
    mistake: "takes a slot without a check that its own session is there",
    changes: [{ file: "ledger.ts", from: ".atomic().check({ key, versionstamp });", to: ".atomic();" }],
  },
  {
    mistake: "declares a session dead without a check that it has not moved",
    changes: [{ file: "ownership.ts", from: "await ledger.bury(id, seen.versionstamp)", to: "await ledger.bury(id)" }],
  },
  {
    mistake: "counts from when a heartbeat was acknowledged, not from when it was sent",
    changes: [{ file: "session.ts", from: "this.#ackedMs = sentMs;", to: "this.#ackedMs = clock.monotonic();" }],
  },
  {
    mistake: "fences itself only when its time to live is over",
    changes: [{ file: "session.ts", from: "const fenceShare = 2 / 3;", to: "const fenceShare = 1;" }],
  },
  {
    mistake: "starts processes in a slot that is being handed over",
    changes: [{
      file: "claims.ts",
      from: "if (!hold || hold.isHandingOver) return undefined;",
      to: "if (!hold) return undefined;",
    }],
  },
  {
    mistake: "holds what was taken although the session is over",
    changes: [{ file: "ownership.ts", from: "if (!this.#session.check()) return;\n        for", to: "for" }],
  },
];

/** Loads the library with the mistake in it, from a copy of its source. */
export async function load({ mistake, changes }: Mutant): Promise<Library> {
  const copy = await Deno.makeTempDir({ prefix: "mutant-" });
  try {
    await copyTree(new URL("src/", root), `${copy}/src`);
    await Deno.copyFile(new URL("mod.ts", root), `${copy}/mod.ts`);
    for (const { file, from, to } of changes) {
      const path = `${copy}/src/cluster/${file}`;
      const source = await Deno.readTextFile(path);
      if (source.split(from).length !== 2) {
        throw new Error(`Cannot make the mutant that ${mistake}: ${file} has no ${from}`);
      }
      await Deno.writeTextFile(path, source.replace(from, () => to));
    }
    const [core, kv, cluster] = await Promise.all(
      ["mod.ts", "src/kv/mod.ts", "src/cluster/mod.ts"].map((path) => import(`file://${copy}/${path}`)),
    );
    return { Supervisor: core.Supervisor, chain: core.chain, KvTable: kv.KvTable, Cluster: cluster.Cluster };
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

async function copyTree(from: URL, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyTree(new URL(`${name}/`, from), `${to}/${name}`);
    else await Deno.copyFile(new URL(name, from), `${to}/${name}`);
  }
}
