/** A disk that is full, one that is frozen, and a file that is damaged: errors say so, nothing acknowledged is lost, all goes on. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { delay } from "@std/async/delay";
import { canMount, SmallDisk } from "../os/small_disk.ts";
import { keys as manyKeys, pace } from "./chaos.ts";
import { ChaosInstance, converged, fill, runningOnce } from "./havoc.ts";

/** Few of the processes: what is slow here is the disk. */
const keys = manyKeys.slice(0, 40);

/** For how long the disk does not work: each session fences itself, and others would be declared dead if any instance could. */
const outageMs = 1.5 * pace.ttlMs;
/** Within what time all must run again, in ms. */
const recoveryMs = 7_000;

/** Waits until all run again, and says how long that took. */
async function recovered(instances: readonly ChaosInstance[], what: string): Promise<void> {
  const sinceAt = Date.now();
  await runningOnce(instances, keys);
  const tookMs = Date.now() - sinceAt;
  console.log(`${what}: all run again after ${tookMs} ms`);
  assertLess(tookMs, recoveryMs);
}

/** Asks all to end, and checks that they do, without a process that ran twice. */
async function ended(instances: readonly ChaosInstance[]): Promise<void> {
  const ends = await Promise.all(instances.map((instance) => instance.end("SIGINT")));
  assertEquals(ends.map(({ code }) => code), instances.map(() => 0));
  assertEquals(instances.flatMap(({ lines }) => lines.filter((line) => / twice /.test(line))), []);
}

/** Writes until that fails, and returns what was acknowledged. */
async function writeUntilFull(kv: Deno.Kv): Promise<{ acknowledged: number; error: unknown }> {
  for (let acknowledged = 0;; acknowledged++) {
    try {
      await kv.set(["mine", acknowledged], "x".repeat(2_000));
    } catch (error) {
      return { acknowledged, error };
    }
  }
}

Deno.test({
  name: "while the disk is full nothing runs and errors say why, and when it has room again everything runs",
  ignore: !canMount,
  fn: async () => {
    await using disk = await SmallDisk.mount(16);
    const path = `${disk.path}/chaos.sqlite3`;
    using kv = await Deno.openKv(path);
    await fill(kv, keys);
    await using one = new ChaosInstance(path, "1");
    await using two = new ChaosInstance(path, "2");
    await converged([one, two], keys);
    const empty = await disk.fill();
    const { acknowledged, error } = await writeUntilFull(kv);
    assertEquals(String(error), "TypeError: database or disk is full");
    await delay(outageMs);
    assertEquals([await one.running(), await two.running()], [[], []]);
    for (const { output } of [one, two]) {
      assert(/heartbeat failed: TypeError: database or disk is full/.test(output), output);
      assert(/is fenced/.test(output), output);
    }
    await empty();
    await recovered([one, two], "a full disk");
    const mine = await Array.fromAsync(kv.list({ prefix: ["mine"] }));
    assertEquals(mine.length, acknowledged);
    await ended([one, two]);
  },
});

Deno.test({
  name: "while the file system is frozen no instance trusts its session, and when it is thawed everything runs",
  ignore: !canMount,
  fn: async () => {
    await using disk = await SmallDisk.mount(32, "ext4");
    const path = `${disk.path}/chaos.sqlite3`;
    const kv = await Deno.openKv(path);
    await fill(kv, keys);
    kv.close(); // a call to the frozen file system would hold this program up too
    await using one = new ChaosInstance(path, "1");
    await using two = new ChaosInstance(path, "2");
    await converged([one, two], keys);
    const thawed = disk.freeze(outageMs);
    await delay(outageMs - pace.heartbeatMs);
    const outputs = [one.output, two.output];
    await thawed;
    for (const output of outputs) assert(/is fenced/.test(output), output);
    await recovered([one, two], "a frozen file system");
    await ended([one, two]);
  },
});

/** What is overwritten in a file, in blocks of 4 KiB from which one on, and what a program says that opens it. */
const damages: readonly (readonly [what: string, from: number, says: RegExp])[] = [
  ["the first page", 0, /Error: file is not a database/],
  ["every page but the first one", 1, /Error: database disk image is malformed/],
];
for (const [what, from, says] of damages) {
  Deno.test(`a program that opens a file of which ${what} is damaged says so and ends with 1; on a copy everything runs`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "damaged_" });
    const [path, copy] = ["chaos", "copy"].map((name) => `${directory}/${name}.sqlite3`);
    const kv = await Deno.openKv(path);
    await fill(kv, keys);
    kv.close();
    await Deno.copyFile(path, copy); // no program has it open
    await using one = new ChaosInstance(path, "1");
    await converged([one], keys);
    // Another program damages the file: this one would take the locks of SQLite away if it did.
    const blocks = Math.ceil((await Deno.stat(path)).size / 4_096) - from;
    const args = ["if=/dev/zero", `of=${path}`, "bs=4096", `seek=${from}`, `count=${blocks}`, "conv=notrunc"];
    assertEquals((await new Deno.Command("dd", { args }).output()).code, 0);
    await one.end("SIGKILL");
    for (const suffix of ["-wal", "-shm"]) await Deno.remove(`${path}${suffix}`).catch(() => {}); // they hold newer pages
    await using two = new ChaosInstance(path, "2");
    const { code } = await two.end();
    assert(says.test(two.output), two.output);
    assertEquals(code, 1);
    await using three = new ChaosInstance(copy, "3");
    await recovered([three], `a copy of a file of which ${what} was damaged`);
    await ended([three]);
    await Deno.remove(directory, { recursive: true });
  });
}
