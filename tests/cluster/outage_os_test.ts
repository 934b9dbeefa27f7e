/** A program is paused while it holds the lock of the file: no other can write, so none may go on; then all go on. */

import { assertEquals, assertLess } from "@std/assert";
import { delay } from "@std/async/delay";
import { Program } from "../os/program.ts";
import { pace } from "./chaos.ts";
import { ChaosInstance, converged, runningOnce, withDatabase } from "./havoc.ts";

/** How long the lock is held: others would be declared dead meanwhile, if any instance could. */
const outageMs = 1.5 * pace.ttlMs;

/** Whether the database takes a write within some ms. */
async function takesWrites(kv: Deno.Kv, withinMs: number): Promise<boolean> {
  const endsAt = Date.now() + withinMs;
  while (Date.now() < endsAt) {
    try {
      await kv.atomic().check({ key: ["nothing"], versionstamp: null }).set(["probe"], 0).commit();
      return true;
    } catch (_locked) {
      await delay(1);
    }
  }
  return false;
}

/** Pauses a program that writes all the time at a moment when it holds the lock. */
async function pauseWithLock(program: Program, kv: Deno.Kv): Promise<void> {
  for (;;) {
    program.signal("SIGSTOP");
    if (!await takesWrites(kv, 200)) return;
    program.signal("SIGCONT");
    await delay(5);
  }
}

Deno.test("while the lock of the file is held by a paused program nothing runs, and afterwards everything does", () =>
  withDatabase(async (kv, path) => {
    await using holder = new Program("tests/cluster/lock_program.ts", path);
    await using one = new ChaosInstance(path, "1");
    await using two = new ChaosInstance(path, "2");
    await converged([one, two]);
    await pauseWithLock(holder, kv);
    await using late = new ChaosInstance(path, "3");
    await delay(outageMs);
    assertEquals([await one.running(), await two.running()], [[], []]);
    assertEquals([one, two].map(({ output }) => /is fenced/.test(output)), [true, true]);
    assertEquals(await takesWrites(kv, 200), false);
    await holder.end("SIGKILL");
    const freedAt = Date.now();
    await runningOnce([one, two, late]);
    const downMs = Date.now() - freedAt;
    console.log(`all run once ${downMs} ms after the lock is free`);
    assertLess(downMs, pace.ttlMs + 2 * pace.heartbeatMs + 1_000);
    await converged([one, two, late]);
  }));
