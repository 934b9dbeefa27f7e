/**
 * How long it takes from a write to Deno KV to the process that runs because of it.
 *
 * @module
 */

import { type Runnable, Supervisor } from "@pact/supervisor";
import { KvTable } from "@pact/supervisor/kv";
import { makeKeys } from "./gauge.ts";
import { makeSpec, prefix, type Spec, withDatabase } from "./kv.ts";
import { Bot } from "./ours.ts";
import type { Measures, Subject } from "./subject.ts";

/** The moment, in epoch ms with fractions: the same in every program on a machine. */
function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

/** Writes entries that say when they were written, at irregular intervals. */
async function writeAll(size: number, maxPauseMs: number, set: (key: string, spec: Spec) => Promise<void>) {
  for (const key of makeKeys(size)) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * maxPauseMs));
    await set(key, { ...makeSpec(key), at: preciseNow() });
  }
}

/** Runs the table while it is being written and takes the time of each start. */
function measure(size: number, writeWith: (table: KvTable<string, Spec, Runnable>, path: string) => Promise<void>) {
  return withDatabase(async (kv, path): Promise<Measures> => {
    const writtenAt = new Map<string, number>();
    const create = (spec: Spec, key: string) => {
      writtenAt.set(key, spec.at);
      return new Bot();
    };
    const table = new KvTable<string, Spec, Runnable>(kv, { prefix, create });
    const supervisor = new Supervisor<string, Runnable>(table);
    const samples: number[] = [];
    const allUp = Promise.withResolvers<void>();
    supervisor.subscribe((event) => {
      if (event.type !== "running") return;
      samples.push(preciseNow() - writtenAt.get(event.key)!);
      if (samples.length === size) allUp.resolve();
    });
    await supervisor.run(async () => {
      await writeWith(table, path);
      await allUp.promise;
    });
    return { latencyMs: samples.sort((a, b) => a - b)[size >> 1] };
  });
}

async function writeElsewhere(path: string, size: number): Promise<void> {
  const args = ["run", "-A", "--no-check", "--unstable-kv", "--import-map", "tests/npm/import_map.json"];
  const command = new Deno.Command(Deno.execPath(), { args: [...args, import.meta.filename!, path, String(size)] });
  if (!(await command.spawn().status).success) throw new Error("Cannot measure: the program that writes has failed");
}

/** The library on a database that is being written. */
export const subject: Subject = {
  same: (size) => measure(size, (table) => writeAll(size, 20, (key, spec) => table.set(key, spec))),
  other: (size) => measure(size, (_table, path) => writeElsewhere(path, size)),
};

if (import.meta.main) {
  const [path, size] = Deno.args;
  using kv = await Deno.openKv(path);
  const table = new KvTable<string, Spec, Runnable>(kv, { prefix, create: () => new Bot() });
  await writeAll(Number(size), 400, (key, spec) => table.set(key, spec));
}
