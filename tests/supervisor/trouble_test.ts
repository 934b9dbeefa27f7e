import { assert, assertEquals } from "@std/assert";
import {
  leaf,
  MapTable,
  nop,
  RetryAfterError,
  type Runnable,
  Supervisor,
  type Trouble,
  UnrecoverableError,
} from "@pact/supervisor";
import { type Finding, leftOfDelayMs, makeTrouble, reportDueMs } from "../../src/supervisor/trouble_rule.ts";
import { settle, TestTime, watch, World, type WorldOptions } from "./fixtures/mod.ts";
import type { RowLike } from "./fixtures/test_table.ts";

const oops = new Error("oops");
const lastError = (at: number) => ({ name: "Error", message: "oops", causes: [], at });

/** What is said of a report in brief: when, of what key and version, and what. */
type Told = [at: number, key: string, version: unknown, state: string | undefined, failures: number | undefined];

/** A world whose table remembers, and what it was told. */
function rememberingWorld(rows: Record<string, RowLike>, options: WorldOptions = {}) {
  const world = new World(rows, { restart: { jitter: 0 }, ...options });
  const told: Told[] = [];
  const troubles: (Trouble | undefined)[] = [];
  world.table.report = ({ key, version }, trouble) => {
    told.push([world.time.now, key, version, trouble?.state, trouble?.failures]);
    troubles.push(trouble);
  };
  return { world, told, troubles };
}

Deno.test("Supervisor reports nothing of keys that are well", async () => {
  const { world, told } = rememberingWorld({ a: {}, b: {}, c: {} });
  await using _world = world;
  await world.begin();
  await world.time.pass(100_000);
  world.table.set("a");
  world.table.delete("b");
  await watch(world.supervisor.stop("c"));
  await world.time.pass(100_000);
  await world.end();
  assertEquals(told, []);
});

Deno.test("Supervisor reports the first failure at once, and what follows every ten seconds", async () => {
  const { world, told, troubles } = rememberingWorld({ a: { startError: oops } }, {
    restart: { factor: 1, jitter: 0 },
  });
  await using _world = world;
  await world.begin();
  assertEquals(troubles, [{
    state: "retrying",
    failures: 1,
    lastError: lastError(0),
    failingSinceAt: 0,
    changedAt: 0,
    retryAt: 1_000,
    delayMs: 1_000,
  }]);
  await world.time.pass(59_999);
  assertEquals(
    told,
    [0, 10_000, 20_000, 30_000, 40_000, 50_000].map((at): Told => [at, "a", 1, "retrying", at / 1_000 || 1]),
  );
  assertEquals([troubles[3]?.failingSinceAt, troubles[3]?.changedAt, troubles[3]?.retryAt], [0, 29_000, 30_000]);
});

Deno.test("Supervisor reports a wait of ten seconds at once: who runs the key next must not try it early", async () => {
  const { world, told } = rememberingWorld({ a: { startError: oops } });
  await using _world = world;
  await world.begin();
  for (const delayMs of [9_999, 10_000]) {
    const throttled = new RetryAfterError(delayMs);
    world.table.rows.set("a", { ...world.table.rows.get("a")!, build: () => leaf(() => Promise.reject(throttled)) });
    await world.supervisor.start("a");
    await settle();
  }
  assertEquals(told.map(([at, , , state]) => [at, state]), [[0, "retrying"], [0, "retrying"]]);
  assertEquals(world.supervisor.status("a")?.retryAt, 10_000);
});

Deno.test("Supervisor reports a parked key at once, and a key that is well again when it has been up for long enough", async () => {
  const { world, told, troubles } = rememberingWorld({ a: { startError: oops } }, { restart: { limit: 2, jitter: 0 } });
  await using _world = world;
  await world.begin();
  await world.time.pass(1_000);
  assertEquals(told, [[0, "a", 1, "retrying", 1], [1_000, "a", 1, "parked", 2]]);
  assertEquals([troubles[1]?.cause, "retryAt" in troubles[1]!], ["limit", false]);
  world.table.rows.set("a", { ...world.table.rows.get("a")!, build: () => nop });
  await world.supervisor.start("a");
  await world.time.pass(59_999);
  assertEquals(told.length, 2);
  await world.time.pass(1);
  assertEquals(told[2], [61_000, "a", 1, undefined, undefined]);
  assertEquals(world.supervisor.status("a")?.failures, 0);
});

Deno.test("Supervisor begins another row of failures when the process had been up for long enough", async () => {
  const { world, told, troubles } = rememberingWorld({ a: {} });
  await using _world = world;
  await world.begin();
  for (const upMs of [5_000, 60_000, 1]) {
    await world.time.pass(upMs);
    world.bot("a").crash();
    await world.time.pass(1_000);
  }
  assertEquals(told.map(([at, , , state]) => [at, state]), [[5_000, "retrying"], [66_000, undefined]]);
  await world.time.pass(9_000);
  assertEquals([told.length, troubles[2]?.failingSinceAt, troubles[2]?.failures], [3, 66_000, 2]);
});

Deno.test("Supervisor ends the trouble of a version that is replaced, and says so about the new one", async () => {
  const { world, told } = rememberingWorld({ a: { startError: oops } });
  await using _world = world;
  await world.begin();
  world.table.set("a");
  await world.time.pass(1_000);
  assertEquals(told, [[0, "a", 1, "retrying", 1], [0, "a", 2, undefined, undefined]]);
  assertEquals(world.stateOf("a"), "running");
});

for (const ending of ["its key goes", "the run ends", "it is stopped"]) {
  Deno.test(`Supervisor remembers a RetryAfterError with which a process ends when ${ending}`, async () => {
    const { world, told, troubles } = rememberingWorld({ a: { stopError: new RetryAfterError(8_000) } });
    await using _world = world;
    await world.begin();
    await world.time.pass(500);
    if (ending === "its key goes") world.table.delete("a");
    else if (ending === "it is stopped") await watch(world.supervisor.stop("a"));
    else await world.leave();
    await settle();
    assertEquals(told, [[500, "a", 1, "retrying", 0]]);
    assertEquals([troubles[0]?.retryAt, troubles[0]?.delayMs], [8_500, 8_000]);
  });
}

Deno.test("Supervisor remembers nothing of another error with which a process ends that was asked to", async () => {
  const stopError = new AggregateError([new UnrecoverableError("x"), new RetryAfterError(8_000)]);
  const { world, told } = rememberingWorld({ a: { stopError }, b: { stopError: oops } });
  await using _world = world;
  await world.begin();
  await world.leave();
  await settle();
  assertEquals(told, []);
});

Deno.test("Supervisor ends the trouble of what returns and rests, and of what is resumed", async () => {
  for (const isResumed of [false, true]) {
    const { world, told } = rememberingWorld({ a: { startError: oops } }, { restart: { on: "failure", jitter: 0 } });
    await using _world = world;
    await world.begin();
    world.table.rows.set("a", { ...world.table.rows.get("a")!, build: () => leaf(() => {}) });
    if (isResumed) {
      world.table.pause("a", { at: 0 });
      await settle();
      world.table.pause("a");
    }
    await world.time.pass(1_000);
    assertEquals(told.map(([, , , state]) => state), ["retrying", undefined]);
  }
});

Deno.test("Supervisor reports what is stuck, and that it has ended after all", async () => {
  const { world, troubles } = rememberingWorld({ a: { deaf: true, lingers: true } });
  await using _world = world;
  await world.begin();
  const stopped = watch(world.supervisor.stop("a"));
  await world.time.pass(8_000);
  assertEquals([stopped.fate, troubles], ["ProcessStuckError", [{
    state: "stuck",
    failures: 0,
    failingSinceAt: 8_000,
    changedAt: 8_000,
  }]]);
  world.bot("a").down.resolve();
  await settle();
  assertEquals(troubles[1], undefined);
});

Deno.test("Supervisor reports no failures of the process when it is the table that fails", async () => {
  const { world, told } = rememberingWorld({ a: {} });
  await using _world = world;
  await world.begin();
  world.table.onLook = () => Promise.reject(oops);
  world.bot("a").leave();
  await world.time.pass(30_000);
  assertEquals(told.map(([, , , state, failures]) => [state, failures]), [["retrying", 1]]);
});

const retrying: Trouble = {
  state: "retrying",
  failures: 3,
  lastError: lastError(-4_000),
  failingSinceAt: -9_000,
  changedAt: -4_000,
  retryAt: 2_500,
  delayMs: 4_000,
};
const parked: Trouble = {
  state: "parked",
  failures: 5,
  failingSinceAt: -9_000,
  changedAt: -4_000,
  cause: "unrecoverable",
};

Deno.test("Supervisor waits for what is left of the delay that the table remembers, and counts on from there", async () => {
  const { world, told } = rememberingWorld({ a: { startError: oops } }, { restart: { limit: 5, jitter: 0 } });
  await using _world = world;
  world.table.rows.get("a")!.trouble = retrying;
  await world.begin();
  assertEquals(world.take(), ["a retrying 3 2500 2500"]);
  const { failures, lastError: error, retryAt } = world.supervisor.status("a")!;
  assertEquals([failures, error?.at, retryAt], [3, -4_000, 2_500]);
  assertEquals([world.run.fate, world.callbacks], ["pending", 1]); // nothing waits for it
  await world.time.pass(2_500);
  assertEquals(world.take(), ["a starting retry 4", "a exited starting failed oops 0", "a retrying 4 8000 10500"]);
  assertEquals(told, [[2_500, "a", 1, "retrying", 4]]);
});

for (const [what, retryAt, left] of [["ahead", 900_000, 4_000], ["behind", -900_000, 0]] as const) {
  Deno.test(`Supervisor waits no longer than the delay when the clock of the other was ${what}`, async () => {
    const { world } = rememberingWorld({ a: {} });
    await using _world = world;
    world.table.rows.get("a")!.trouble = { ...retrying, retryAt };
    await world.begin();
    await world.time.pass(Math.max(0, left - 1));
    assertEquals(world.stateOf("a"), left === 0 ? "running" : "retrying");
    await world.time.pass(1);
    assertEquals(world.stateOf("a"), "running");
  });
}

const failures: Record<string, RowLike> = {
  "an error": { startError: oops },
  "a RetryAfterError": { startError: new RetryAfterError(5) },
  "an UnrecoverableError": { startError: new UnrecoverableError() },
  "a return": { build: () => leaf(() => {}) },
};
for (const [what, row] of Object.entries(failures)) {
  Deno.test(`Supervisor gives a key one try that the table remembers as parked, and parks it again after ${what}`, async () => {
    const { world, told, troubles } = rememberingWorld({ a: row });
    await using _world = world;
    world.table.rows.set("a", { ...world.table.rows.get("a")!, version: 1, trouble: parked });
    await world.begin();
    await world.time.pass(1_000_000);
    const events = world.take().map((line) => line.split(" ").slice(0, 3).join(" "));
    assertEquals(events.filter((line) => line.startsWith("a starting")), ["a starting restore"]);
    assertEquals([events.at(-1), world.stateOf("a")], ["a parked unrecoverable", "parked"]);
    assertEquals([told.length, troubles[0]?.failures, troubles[0]?.failingSinceAt], [1, 6, -9_000]);
  });
}

Deno.test("Supervisor keeps a parked key going whose try succeeds, and parks it again if that does not last", async () => {
  for (const upMs of [59_000, 60_000]) {
    const { world, told } = rememberingWorld({ a: {} });
    await using _world = world;
    world.table.rows.get("a")!.trouble = parked;
    await world.begin();
    await world.time.pass(upMs);
    world.bot("a").crash();
    await settle();
    const isWell = upMs === 60_000;
    assertEquals(world.stateOf("a"), isWell ? "retrying" : "parked");
    assertEquals(told.map(([, , , state]) => state), isWell ? [undefined] : ["parked"]);
  }
});

Deno.test("Supervisor.start() of a key starts at once, whatever the table remembers, and counts from the beginning if it was parked", async () => {
  for (const [trouble, attempt] of [[retrying, 4], [parked, 1]] as const) {
    const { world } = rememberingWorld({});
    await using _world = world;
    await world.begin();
    world.table.rows.set("a", { version: 1, build: () => nop, trouble });
    await world.supervisor.start("a");
    assertEquals(world.take(), [`a starting call ${attempt}`, "a running 0"]);
  }
});

Deno.test("Supervisor goes on from what another one has found of a version that it did not know", async () => {
  for (const before of ["running", "parked"]) {
    const { world, told } = rememberingWorld({ a: before === "parked" ? { startError: oops } : {} }, {
      restart: { limit: 1 },
    });
    await using _world = world;
    await world.begin();
    assertEquals(world.stateOf("a"), before);
    const reports = told.length;
    // Its slot was another instance's meanwhile, and is its own again.
    world.table.rows.set("a", { version: 2, build: () => leaf(() => Promise.reject(oops)), trouble: parked });
    world.table.announce("a");
    await settle();
    assertEquals([world.stateOf("a"), world.supervisor.status("a")?.failures], ["parked", 6]);
    assertEquals(told.slice(reports).map(([, , version, state]) => [version, state]), [[2, "parked"]]);
  }
});

Deno.test("Supervisor does not go on from a trouble that has ended", async () => {
  const { world } = rememberingWorld({ a: {} });
  await using _world = world;
  world.table.rows.get("a")!.trouble = { ...retrying, endedAt: -1 };
  await world.begin();
  assertEquals(world.take(), ["a starting restore 1", "a running 0"]);
});

Deno.test("Supervisor reports what is due when its run ends, and waits for that", async () => {
  const { world, told } = rememberingWorld({ a: { startError: oops } });
  const gate = Promise.withResolvers<void>();
  await using _world = world;
  await world.begin();
  await world.time.pass(1_000);
  assertEquals(told.length, 1);
  const { report } = world.table;
  world.table.report = (entry, trouble) => {
    report?.(entry, trouble);
    return gate.promise;
  };
  await world.leave();
  assertEquals([told.at(-1), world.run.fate], [[1_000, "a", 1, "retrying", 2], "pending"]);
  gate.resolve();
  await settle();
  assertEquals(world.run.fate, "resolved");
});

Deno.test("Supervisor waits for reports no longer than stopTimeoutMs, and names the table then", async () => {
  const { world } = rememberingWorld({ a: { startError: oops } });
  await using _world = world;
  world.table.report = () => new Promise(() => {});
  await world.begin();
  await world.leave();
  await world.time.pass(4_000);
  assertEquals(world.run.fate, "resolved");
  assertEquals(world.journal.of("table-failed").map(({ operation, error }) => [operation, (error as Error).message]), [
    ["report", "Cannot finish shutdown: the table's report did not settle within 4000 ms"],
  ]);
});

for (const how of ["throws", "rejects"] as const) {
  Deno.test(`Supervisor tells once that a report ${how}, tries one at a time, and tells all when one succeeds`, async () => {
    const rows = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, { startError: oops }]));
    const { world, told } = rememberingWorld(rows, { restart: { limit: 1 } });
    await using _world = world;
    const { report } = world.table;
    let calls = 0;
    world.table.report = () => {
      calls++;
      if (how === "throws") throw oops;
      return Promise.reject(oops);
    };
    await world.begin();
    assert(calls <= 64, `${calls}`); // those that were under way when the first one failed
    await world.time.pass(9_999);
    calls = 0;
    await world.time.pass(30_000);
    assertEquals(calls, 3);
    assertEquals(world.journal.of("table-failed").map(({ operation, error }) => [operation, error]), [[
      "report",
      oops,
    ]]);
    world.table.report = report;
    await world.time.pass(20_000);
    assertEquals(new Set(told.map(([, key]) => key)).size, 100);
    world.table.report = () => Promise.reject(oops);
    world.table.set("new", { startError: oops });
    await settle();
    assertEquals(world.journal.of("table-failed").length, 2);
  });
}

Deno.test("Supervisor gives up a report that is never answered, and makes another one", async () => {
  const { world } = rememberingWorld({ a: { startError: oops } });
  await using _world = world;
  let calls = 0;
  world.table.report = () => (calls++, new Promise(() => {}));
  await world.begin();
  await world.time.pass(19_999);
  assertEquals([calls, world.journal.of("table-failed").length], [1, 0]);
  await world.time.pass(10_001);
  assertEquals([calls, world.journal.of("table-failed").map(({ operation }) => operation)], [2, ["report"]]);
});

Deno.test("Supervisor has at most 64 reports under way", async () => {
  const rows = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, { startError: oops }]));
  const { world } = rememberingWorld(rows);
  const gates: PromiseWithResolvers<void>[] = [];
  await using _world = world;
  world.table.report = () => {
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    return gate.promise;
  };
  await world.begin();
  assertEquals(gates.length, 64);
  for (const gate of gates) gate.resolve();
  await settle();
  assertEquals(gates.length, 100);
  for (const gate of gates) gate.resolve();
});

Deno.test("Supervisor tells the last of what has changed while a report was under way", async () => {
  const { world, told } = rememberingWorld({ a: { startError: oops } }, { restart: { limit: 2, jitter: 0 } });
  await using _world = world;
  const { report } = world.table, gate = Promise.withResolvers<void>();
  world.table.report = (entry, trouble) => (report?.(entry, trouble), gate.promise);
  await world.begin();
  await world.time.pass(5_000);
  assertEquals(told, [[0, "a", 1, "retrying", 1]]);
  gate.resolve();
  await settle();
  assertEquals(told[1], [5_000, "a", 1, "parked", 2]);
});

Deno.test("Supervisor tells what is due of a key that goes to another instance", async () => {
  const { world, told } = rememberingWorld({ a: { startError: oops } });
  await using _world = world;
  await world.begin();
  await world.time.pass(1_500);
  world.table.absence = () => ({ cause: "moved", error: oops });
  world.table.delete("a");
  await settle();
  assertEquals(told, [[0, "a", 1, "retrying", 1], [1_500, "a", 1, "retrying", 2]]);
});

Deno.test("Supervisor goes on from what it could not report before a stop, and leaves nothing in the table when that is over", async () => {
  const { world, told } = rememberingWorld({ a: {} });
  await using _world = world;
  const { report } = world.table;
  world.table.report = () => {
    throw oops;
  };
  await world.begin();
  world.bot("a").crash(oops);
  await settle();
  await world.supervisor.start("a");
  await world.supervisor.stop("a");
  world.table.report = report;
  world.take();
  await world.supervisor.reconcile();
  assertEquals(world.take()[0], "a retrying 1 1000 1000");
  await world.time.pass(200_000);
  assertEquals(world.stateOf("a"), "running");
  assertEquals(told.map(([, , , state]) => state), ["retrying", undefined]);
});

Deno.test("Supervisor goes on in its next run from what a MapTable remembers", async () => {
  using time = new TestTime();
  const table = new MapTable<string, Runnable>([["a", leaf(() => Promise.reject(oops))]]);
  const supervisor = new Supervisor(table, { restart: { limit: 2, jitter: 0 } });
  const told: string[] = [];
  supervisor.subscribe((event) => {
    if ("key" in event) told.push(`${time.now} ${event.type}`);
  });
  const run = async (ms: number) => {
    const over = Promise.withResolvers<void>();
    const running = watch(supervisor.run(() => over.promise));
    await time.pass(ms);
    over.resolve();
    await settle();
    assertEquals(running.fate, "resolved");
  };
  await run(400);
  assertEquals(table.trouble("a")?.state, "retrying");
  await run(700);
  assertEquals(table.trouble("a")?.state, "parked");
  await run(100_000);
  assertEquals(told, [
    "0 starting",
    "0 running",
    "0 exited",
    "0 retrying",
    "400 retrying",
    "1000 starting",
    "1000 running",
    "1000 exited",
    "1000 parked",
    "1100 starting",
    "1100 running",
    "1100 exited",
    "1100 parked",
  ]);
});

Deno.test("Supervisor over a table that remembers nothing works as ever", async () => {
  await using world = new World({ a: { startError: oops } }, { restart: { limit: 2, jitter: 0 } });
  await world.begin();
  await world.time.pass(1_000);
  assertEquals(world.stateOf("a"), "parked");
});

Deno.test("Supervisor over a table that remembers nothing forgets the failures of what has been up for resetAfterMs", async () => {
  await using world = new World({ a: {} }, { restart: { jitter: 0, resetAfterMs: 30_000 } });
  await world.begin();
  world.bot("a").crash();
  const failures: unknown[] = [];
  for (const ms of [1_000, 29_999, 1]) {
    await world.time.pass(ms);
    failures.push(world.supervisor.status("a")?.failures);
  }
  assertEquals(failures, [1, 1, 0]);
});

Deno.test("Supervisor heeds a RetryAfterError with which a process ends that was stopped while it is looked up", async () => {
  await using world = new World({ a: { stopError: new RetryAfterError(8_000) } });
  await world.begin();
  const look = Promise.withResolvers<void>();
  world.table.onLook = () => look.promise;
  world.table.announce("a");
  await settle();
  await watch(world.supervisor.stop("a"));
  await settle();
  world.take();
  look.resolve();
  await settle();
  assertEquals(world.take(), ["a retrying 0 8000 8000"]);
});

Deno.test("Supervisor waits for no recovery of what gets stuck after it has failed", async () => {
  await using world = new World({ a: { deaf: true, lingers: true } }, { restart: { jitter: 0 } });
  await world.begin();
  world.bot("a").crash();
  await world.time.pass(1_000);
  await world.end();
  assertEquals([world.stateOf("a"), world.time.timers], ["stuck", 0]);
});

Deno.test("makeTrouble() leaves out what is not known", () => {
  const error = lastError(5), dates = { failingSinceAt: 1, changedAt: 2 };
  const findings: Finding[] = [
    { state: "retrying", failures: 1, lastError: error, retryAt: 9, delayMs: 4 },
    { state: "retrying", failures: 1, lastError: undefined, retryAt: 9, delayMs: 4 },
    { state: "parked", failures: 3, lastError: error, cause: "limit" },
    { state: "parked", failures: 3, lastError: undefined, cause: "limit" },
    { state: "stuck", failures: 2, lastError: error },
    { state: "stuck", failures: 0, lastError: undefined },
  ];
  for (const { lastError, ...finding } of findings) {
    const known = lastError ? { ...finding, lastError } : finding;
    assertEquals(makeTrouble({ ...finding, lastError }, 1, 2), { ...known, ...dates });
  }
});

Deno.test("reportDueMs() is 10 s after the last report, and at once for the first and for what is urgent", () => {
  assertEquals([reportDueMs(false, 5), reportDueMs(false, undefined), reportDueMs(true, 5)], [
    10_005,
    -Infinity,
    -Infinity,
  ]);
});

Deno.test("leftOfDelayMs() is what is left of the delay, never more than that, and nothing for what does not wait", () => {
  const cases: [Partial<Trouble>, now: number, left: number][] = [
    [{}, 0, 2_500],
    [{}, 2_500, 0],
    [{}, 9_000, 0],
    [{}, -9_000, 4_000],
    [{ state: "parked" }, 0, 0],
    [{ state: "stuck" }, 0, 0],
    [{ retryAt: undefined }, 0, 0],
    [{ delayMs: undefined }, 0, 0],
  ];
  for (const [change, now, left] of cases) assertEquals(leftOfDelayMs({ ...retrying, ...change }, now), left);
});
