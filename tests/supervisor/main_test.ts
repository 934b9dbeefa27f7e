/** What a stop does to `main` in each phase of a start-up, seen from inside. */

import { assertEquals, assertLessOrEqual } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { Cluster } from "../../src/cluster/mod.ts";
import { KvTable } from "../../src/kv/mod.ts";
import { chain, nop, parallel, sequential } from "../../src/process/compose.ts";
import { leaf, startStop } from "../../src/process/leaf.ts";
import type { Runnable } from "../../src/process/runnable.ts";
import { main } from "../../src/supervisor/main.ts";
import { Supervisor } from "../../src/supervisor/supervisor.ts";
import { MapTable } from "../../src/table/map_table.ts";
import { countingSignal } from "../process/signals.ts";
import { advance, FaultyKv, hang } from "../../src/testing/mod.ts";

/** Runs `main` in fake time, and returns what it did. */
async function stopAfter(startMs: number, runnable: Runnable) {
  using time = new FakeTime();
  const stop = new AbortController();
  const steps: string[] = [];
  const outside = startStop(() => steps.push("open"), () => steps.push("close"));
  const program = main(chain(outside, runnable), { signal: stop.signal });
  await advance(time, startMs);
  stop.abort();
  let stopMs = 0;
  let isOver = false;
  program.then(() => isOver = true);
  for (; !isOver && stopMs < 4_000; stopMs += 100) await advance(time, 100);
  await program;
  return { steps, stopMs };
}

/** Is starting until its signal aborts, or has ended it with an error of its own. */
const starting = startStop((signal) => {
  const aborted = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => aborted.reject(signal.reason));
  return aborted.promise;
}, () => {});

const patient = { initialWaitMs: 60_000 };

const phases: Record<string, (kv: Deno.Kv) => Runnable> = {
  "opens something": () => starting,
  "opens two things side by side": () => parallel(starting, nop, starting),
  "opens two things in sequence": () => sequential(nop, starting),
  "joins a cluster": (kv) => new Cluster(kv, { allowLocal: true }),
  "joins a cluster to restore a supervisor": (kv) => {
    const cluster = new Cluster(kv, { allowLocal: true });
    return chain(cluster, new Supervisor(cluster.own(bots(kv)), patient));
  },
  "restores a supervisor": () => new Supervisor(new MapTable([["a", starting], ["b", nop]]), patient),
  "restores a supervisor from a table in the database": (kv) => new Supervisor(bots(kv), patient),
  "restores a supervisor inside another one": () => {
    return new Supervisor(new MapTable([["inner", new Supervisor(new MapTable([["a", starting]]), patient)]]), patient);
  },
};

function bots(kv: Deno.Kv): KvTable<string, null, Runnable> {
  return new KvTable(kv, { prefix: ["bots"], create: () => nop });
}

for (const [name, build] of Object.entries(phases)) {
  Deno.test(`main() aborts at once, without a failure, what ${name}, also while the database hangs`, async () => {
    using kv = new FaultyKv(await Deno.openKv(":memory:"), { decide: hang });
    const { steps, stopMs } = await stopAfter(900, build(kv));
    assertEquals([steps, Deno.exitCode], [["open", "close"], 0]);
    assertLessOrEqual(stopMs, 900);
  });
}

Deno.test("main() runs nothing when its signal has aborted before", async () => {
  let isRun = false;
  await main(leaf(() => isRun = true), { signal: AbortSignal.abort() });
  assertEquals([isRun, Deno.exitCode], [false, 0]);
});

Deno.test("main() leaves no listener on its signal", async () => {
  const { signal, listeners } = countingSignal();
  await main(leaf(() => {}), { signal });
  assertEquals(listeners(), 0);
});

const failures: Record<string, [runnable: Runnable, error: string]> = {
  "fails by itself": [startStop(() => Promise.reject(new Error("no database")), () => {}), "Error: no database"],
  "fails with an AbortError of its own": [
    startStop(() => Promise.reject(new DOMException("The fetch was aborted", "AbortError")), () => {}),
    "AbortError: The fetch was aborted",
  ],
  "fails in more than one line": [
    startStop(() => Promise.reject(new Error("1\n2", { cause: new Error("\x1b[31m") })), () => {}),
    String.raw`Error: 1\n2: \x1b[31m`,
  ],
};
for (const [name, [runnable, error]] of Object.entries(failures)) {
  Deno.test(`main() prints one line and sets the exit code to 1 when a start-up ${name}`, async () => {
    const printed: unknown[][] = [];
    const print = console.error;
    console.error = (...line) => void printed.push(line);
    try {
      await main(runnable);
      assertEquals([printed, Deno.exitCode], [[[`The program failed: ${error}`]], 1]);
    } finally {
      console.error = print;
      Deno.exitCode = 0;
    }
  });
}
