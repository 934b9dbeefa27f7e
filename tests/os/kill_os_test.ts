/** A program is killed again and again while its table is being written: nothing acknowledged is lost, all comes back. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { delay } from "@std/async/delay";
import { keys, prefix, size } from "./fleet.ts";
import { sized } from "../size.ts";
import { Program } from "./program.ts";
import { seededRandom } from "./random.ts";

/** What every key should be: absent, or the value that was written last. */
type Model = Map<string, number>;

const kills = sized({ short: 6, full: 20 });

/** How long after the last write everything must run, in ms. */
const convergenceMs = 10_000;

/** The fleet in an OS process. */
class Fleet extends Program {
  #address = "";

  static async start(path: string, maxStopMs: number): Promise<Fleet> {
    const fleet = new Fleet("tests/os/fleet_program.ts", path, String(maxStopMs));
    fleet.#address = (await fleet.line(/listening on (.+)$/))[1];
    return fleet;
  }

  async running(): Promise<Model> {
    const response = await fetch(this.#address);
    return sorted(await response.json());
  }

  /** Waits until exactly this runs. */
  async waitFor(model: Model): Promise<void> {
    const expected = JSON.stringify([...model]);
    const endsAt = Date.now() + convergenceMs;
    let running = await this.running();
    while (JSON.stringify([...running]) !== expected && Date.now() < endsAt) {
      await delay(20);
      running = await this.running();
    }
    assertEquals(running, model, "what runs is not what the table says");
  }

  /** Names the processes that started and did not stop. */
  get left(): string[] {
    const left = new Set<string>();
    for (const line of this.lines) {
      const [what, key] = line.split(" ");
      if (what === "started") left.add(key);
      if (what === "stopped") left.delete(key);
    }
    return [...left];
  }
}

function sorted(entries: Iterable<[string, number]>): Model {
  return new Map([...entries].sort(([a], [b]) => a < b ? -1 : 1));
}

/** Reads the table, past the library. */
async function read(kv: Deno.Kv): Promise<Model> {
  const rows = await Array.fromAsync(kv.list<number>({ prefix }));
  return sorted(rows.map(({ key, value }) => [String(key.at(-1)), value]));
}

/** Does to the model what the writer did, and returns the write that may or may not have landed when it was killed. */
function replay(lines: readonly string[], model: Model): { key: string; value: number | undefined } | undefined {
  let pending: { key: string; value: number | undefined } | undefined;
  for (const line of lines) {
    const [what, key, value] = line.split(" ");
    if (what === "writing") pending = { key, value: value === "nothing" ? undefined : Number(value) };
    else if (what === "written" && pending) {
      if (pending.value === undefined) model.delete(key);
      else model.set(key, pending.value);
      pending = undefined;
    } else throw new Error(`The writer says: ${line}`);
  }
  return pending;
}

/** Checks the table against what was acknowledged, and makes the model what the table is. */
function settle(table: Model, model: Model, pending: ReturnType<typeof replay>): void {
  if (pending && table.get(pending.key) === pending.value) {
    if (pending.value === undefined) model.delete(pending.key);
    else model.set(pending.key, pending.value);
  }
  assertEquals(table, sorted(model), "an acknowledged write is lost");
}

async function withDatabase(test: (kv: Deno.Kv, path: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "fleet_" });
  const path = `${dir}/fleet.sqlite3`;
  try {
    using kv = await Deno.openKv(path);
    for (const [i, key] of keys.slice(0, size).entries()) await kv.set([...prefix, key], i);
    await test(kv, path);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Kills the fleet while the writer writes, starts it again, ends the writer, and compares. */
async function killedOnce(kv: Deno.Kv, path: string, model: Model, writerArgs: string[], random: () => number) {
  await using writer = new Program("tests/os/writer_program.ts", path, ...writerArgs);
  await using fleet = await Fleet.start(path, 10);
  await writer.line(/^written/);
  await delay(random() * 500);
  await fleet.end("SIGKILL");

  await using again = await Fleet.start(path, 10);
  await delay(random() * 500);
  await writer.end("SIGKILL");
  settle(await read(kv), model, replay(writer.lines, model));
  await again.waitFor(sorted(model));
  assertEquals([...fleet.lines, ...again.lines].filter((line) => line.startsWith("twice")), []);
}

async function killedRepeatedly(kv: Deno.Kv, path: string, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const model = await read(kv);
  for (let round = 1; round <= kills; round++) {
    const maxPauseMs = [0, 3, 20][round % 3];
    await killedOnce(kv, path, model, [`${seed + round}`, `${round}000000`, `${maxPauseMs}`], random);
  }
}

Deno.test(`a program that is killed ${kills} times loses no acknowledged write and runs what its table says again`, () =>
  withDatabase(async (kv, path) => {
    const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
    try {
      await killedRepeatedly(kv, path, seed);
    } catch (error) {
      console.error(`Repeat it with SEED=${seed}`);
      throw error;
    }
  }));

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`a program with ${size} processes stops every one of them on ${signal} in less than 5 s`, () =>
    withDatabase(async (kv, path) => {
      await using fleet = await Fleet.start(path, 1_000);
      await fleet.waitFor(await read(kv));
      const { code, durationMs } = await fleet.end(signal);
      assertEquals(code, 0);
      assertLess(durationMs, 5_000);
      assertEquals(fleet.left, []);
      assert(fleet.lines.includes("live at the end: 0"));
    }));
}
