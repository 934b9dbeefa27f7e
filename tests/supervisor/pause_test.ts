import { assertEquals, assertRejects } from "@std/assert";
import {
  leaf,
  MapTable,
  nop,
  ProcessNotFoundError,
  ProcessPausedError,
  type RunOptions,
  Supervisor,
} from "@pact/supervisor";
import { settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");
const pause = { at: 0, reason: "invoice" };

/** A run that never comes up. */
const untilAborted = (_callback: unknown, { signal }: RunOptions) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));

/** What is told and seen of the key "a" when it is paused and then resumed, in a state. */
interface Case {
  readonly world: () => World;
  /** Brings the key into the state. */
  readonly enter?: (world: World) => Promise<void> | void;
  readonly state: string | undefined;
  readonly paused: readonly string[];
  /** The state right after the pause, and when a stop is over. */
  readonly states: readonly string[];
  readonly resumed: readonly string[];
}

const cases: Record<string, Case> = {
  absent: {
    world: () => new World({}),
    enter: (world) => world.table.rows.set("a", { version: 1, build: () => world.table.bots.get("a") }) && undefined,
    state: undefined,
    paused: ["a paused"],
    states: ["paused", "paused"],
    resumed: ["a resumed", "a starting change 1", "a entry-failed"],
  },
  queued: {
    world: () => new World({ b: { hangs: true }, a: {} }, { startConcurrency: 1 }),
    state: "queued",
    paused: ["a paused"],
    states: ["paused", "paused"],
    resumed: ["a resumed"],
  },
  starting: {
    world: () => new World({ a: { hangs: true } }),
    state: "starting",
    paused: ["a paused", "a exited starting stopped 0"],
    states: ["paused", "paused"],
    resumed: ["a resumed", "a starting change 1"],
  },
  running: {
    world: () => new World({ a: { lingers: true } }),
    state: "running",
    paused: ["a paused"],
    states: ["stopping", "paused"],
    resumed: ["a resumed", "a starting change 1", "a running 0"],
  },
  stopping: {
    world: () => new World({ a: { lingers: true } }),
    enter: (world) => void watch(world.supervisor.stop("a")),
    state: "stopping",
    paused: ["a paused"],
    states: ["stopping", "paused"],
    resumed: ["a resumed", "a starting change 1", "a running 0"],
  },
  retrying: {
    world: () => new World({ a: { startError: oops } }),
    state: "retrying",
    paused: ["a paused"],
    states: ["paused", "paused"],
    resumed: ["a resumed", "a starting change 1", "a exited starting failed oops 0", "a retrying 1 1000 9000"],
  },
  parked: {
    world: () => new World({ a: { startError: oops } }, { restart: { limit: 1 } }),
    state: "parked",
    paused: ["a paused"],
    states: ["paused", "paused"],
    resumed: ["a resumed", "a starting change 1", "a exited starting failed oops 0", "a parked limit 1 oops"],
  },
  resting: {
    world: () => new World({ a: {} }, { restart: { on: "failure" } }),
    enter: (world) => world.bot("a").leave(),
    state: "resting",
    paused: ["a paused"],
    states: ["paused", "paused"],
    resumed: ["a resumed", "a starting change 1", "a running 0"],
  },
  stuck: {
    world: () => new World({ a: { deaf: true, lingers: true } }),
    enter: async (world) => {
      watch(world.supervisor.stop("a"));
      await world.time.pass(8_000);
    },
    state: "stuck",
    paused: ["a paused"],
    states: ["stuck", "paused"],
    resumed: ["a resumed", "a starting change 1", "a running 0"],
  },
  paused: {
    world: () => new World({ a: {} }),
    enter: (world) => world.table.pause("a", { at: 0 }),
    state: "paused",
    paused: [],
    states: ["paused", "paused"],
    resumed: ["a resumed", "a starting change 1", "a running 0"],
  },
};

for (const [name, { world: make, enter, state, paused, states, resumed }] of Object.entries(cases)) {
  Deno.test(`Supervisor pauses and resumes a key that is ${name}`, async () => {
    await using world = make();
    await world.begin();
    await enter?.(world);
    await settle();
    if (name === "absent") world.table.rows.get("a")!.build = () => Promise.reject(oops);
    assertEquals(world.stateOf("a"), state);
    world.take();
    world.table.pause("a", pause);
    await settle();
    assertEquals(world.take().map((line) => line.replace(/ paused .*/, " paused")), paused);
    const status = world.supervisor.status("a");
    assertEquals([status?.state, status?.pause], [states[0], pause]);
    const live = world.table.bots.get("a");
    live?.down.resolve();
    await world.time.pass(8_000 - world.time.now % 8_000);
    assertEquals(world.stateOf("a"), states[1]);
    assertEquals(world.supervisor.keys().includes("a"), false);
    assertEquals(world.live.keys.includes("a"), false);
    world.take();
    world.table.pause("a");
    await settle();
    const told = world.take().map((line) => line.replace(/ (8000|16000)$/, " 9000").replace(/(entry-failed).*/, "$1"));
    assertEquals(told.slice(0, resumed.length), resumed);
  });
}

Deno.test("Supervisor leaves a key alone that is handed over while it is paused", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.table.pause("a", pause);
  await settle();
  world.take();
  world.table.absence = () => ({ cause: "moved", error: new Error("elsewhere") });
  world.table.delete("a");
  await settle();
  assertEquals([world.take(), world.stateOf("a")], [["a removed moved"], undefined]);
  world.table.absence = undefined;
  world.table.set("a");
  await settle();
  assertEquals(world.take(), ["a starting change 1", "a running 0"]);
});

Deno.test("Supervisor forgets a key that is deleted while it stops for a pause", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  world.table.pause("a", pause);
  await settle();
  world.table.delete("a");
  await settle();
  world.bot("a").down.resolve();
  await settle();
  assertEquals(world.supervisor.status("a"), undefined);
});

Deno.test("Supervisor.start(), ensure() and restart() reject with ProcessPausedError, after a fresh look", async () => {
  await using world = new World({ a: {} });
  world.table.rows.get("a")!.pause = pause;
  await world.begin();
  for (const call of ["start", "ensure", "restart"] as const) {
    const error = await assertRejects(() => world.supervisor[call]("a"), ProcessPausedError);
    assertEquals(error.pause, pause);
    assertEquals(error.message, 'Cannot start process "a": it is paused: invoice');
  }
  assertEquals(world.take().filter((line) => line.startsWith("a paused")).length, 1);
  assertEquals(world.stateOf("a"), "paused");
  world.table.rows.get("a")!.pause = undefined;
  await world.supervisor.ensure("a");
  assertEquals(world.take(), ["a resumed", "a starting call 1", "a running 0"]);
});

Deno.test("Supervisor tells those who wait for a start that it is paused", async () => {
  await using world = new World({ a: { hangs: true }, c: { hangs: true } });
  await world.begin();
  const waits = [watch(world.supervisor.ensure("a")), watch(world.supervisor.ensure("c"))];
  await settle();
  for (const key of ["a", "c"]) world.table.pause(key, pause);
  await settle();
  assertEquals(waits.map(({ fate }) => fate), ["ProcessPausedError", "ProcessPausedError"]);
});

Deno.test("Supervisor.stop() of a paused key finds no process", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.table.pause("a", pause);
  await settle();
  await assertRejects(() => world.supervisor.stop("a"), ProcessNotFoundError, "there is none, it is paused");
});

Deno.test("Supervisor starts nothing that is paused by a pass, nor what is paused while it waits for its turn", async () => {
  await using world = new World({ a: {}, b: { hangs: true }, c: {} }, { startConcurrency: 1 });
  world.table.rows.get("a")!.pause = pause;
  await world.begin();
  assertEquals([world.stateOf("a"), world.stateOf("c")], ["paused", "queued"]);
  const silent = world.table.rows.get("c")!;
  world.table.rows.set("c", { ...silent, pause });
  world.bot("b").up.resolve();
  await world.time.pass(61_000);
  assertEquals(world.stateOf("c"), "paused");
  assertEquals(world.take().filter((line) => /^[ac] starting/.test(line)), ["c starting restore 1"]);
});

Deno.test("Supervisor starts nothing that was paused when its turn comes, if the entry says so itself", async () => {
  const started: string[] = [];
  const table: MapTable<string, typeof nop> = new MapTable([]);
  table.set("a", (key) => {
    started.push(key);
    table.pause("b");
    return nop;
  });
  table.set("b", (key) => (started.push(key), nop));
  const supervisor = new Supervisor(table, { startConcurrency: 1 });
  await supervisor.run(() => {});
  assertEquals(started, ["a"]);
});

Deno.test("Supervisor.reconcile() waits for the stop of what it finds paused", async () => {
  await using world = new World({ a: { lingers: true } }, { announces: false });
  await world.begin();
  world.table.pause("a", pause);
  const reconciled = watch(world.supervisor.reconcile());
  await settle();
  assertEquals([reconciled.fate, world.stateOf("a")], ["pending", "stopping"]);
  world.bot("a").down.resolve();
  await settle();
  assertEquals([reconciled.fate, world.stateOf("a")], ["resolved", "paused"]);
});

Deno.test("Supervisor resumes a key by itself when its pause is over, and goes on waiting if it was prolonged", async () => {
  await using world = new World({ a: {} });
  world.table.rows.get("a")!.pause = { at: 0, untilAt: 10_000 };
  await world.begin();
  await world.time.pass(9_999);
  assertEquals(world.stateOf("a"), "paused");
  world.table.pause("a", { at: 0, untilAt: 20_000 });
  await world.time.pass(10_000);
  assertEquals(world.stateOf("a"), "paused");
  world.take();
  await world.time.pass(1);
  assertEquals(world.take(), ["a resumed", "a starting change 1", "a running 0"]);
});

Deno.test("Supervisor looks the whole table over once when its pause is over", async () => {
  const untilAt = 10_000, whole = { at: 0, untilAt, isWholeTable: true } as const;
  await using world = new World({ a: {}, b: {}, c: {} });
  for (const row of world.table.rows.values()) row.pause = whole;
  await world.begin();
  const { iterations } = world.table;
  await world.time.pass(10_000);
  assertEquals([world.table.looks, world.table.iterations - iterations], [[], 1]);
  assertEquals(["a", "b", "c"].map((key) => world.stateOf(key)), ["running", "running", "running"]);
});

Deno.test("Supervisor forgets the failures of a key that is resumed, and not those of one when the whole table is", async () => {
  for (const [isWholeTable, failures] of [[undefined, 0], [true, 2]] as const) {
    await using world = new World({ a: { startError: oops } });
    await world.begin();
    await world.time.pass(1_500);
    assertEquals(world.supervisor.status("a")?.failures, 2);
    world.table.pause("a", { at: 1_500, ...isWholeTable && { isWholeTable } });
    await settle();
    world.take();
    world.table.pause("a");
    await settle();
    // The second failure was at 1 000, and its delay is 2 s.
    const told = isWholeTable ? ["a resumed", "a retrying 2 1500 3000"] : ["a resumed", "a starting change 1"];
    assertEquals(world.take().slice(0, 2), told, `${failures}`);
  }
});

Deno.test("Supervisor does not wait, when the whole table is resumed, for what it was told before a later failure", async () => {
  await using world = new World({}, { restart: { jitter: 0 } });
  await world.begin();
  const lives = [leaf(() => Promise.reject(new Error("oops"))), { run: untilAborted }, nop];
  const told = { failures: 0, failingSinceAt: 0, changedAt: 0, retryAt: 60_000, delayMs: 60_000 };
  world.table.rows.set("a", { version: 1, build: () => lives.shift()!, trouble: { state: "retrying", ...told } });
  await world.supervisor.start("a");
  await world.time.pass(1_500);
  assertEquals(world.stateOf("a"), "starting");
  world.table.pause("a", { at: 1_500, isWholeTable: true });
  await settle();
  world.take();
  world.table.pause("a");
  await settle();
  assertEquals(world.take().slice(0, 2), ["a resumed", "a starting change 2"]);
});

/** A key that was parked, and then paused with the whole table. */
async function parkedAndPaused(): Promise<World> {
  const world = new World({ a: { startError: oops } }, { restart: { limit: 1 } });
  await world.begin();
  world.table.pause("a", { at: 0, isWholeTable: true });
  await settle();
  world.take();
  return world;
}

Deno.test("Supervisor leaves parked what was parked before the whole table was paused, without a try", async () => {
  await using world = await parkedAndPaused();
  await world.time.pass(1_000);
  world.table.pause("a");
  await settle();
  const { state, sinceAt, failures, lastError } = world.supervisor.status("a")!;
  assertEquals([state, sinceAt, failures, lastError?.message], ["parked", 1_000, 1, "oops"]);
  await world.time.pass(120_000);
  assertEquals(world.take().filter((line) => line.startsWith("a")), ["a resumed"]);
});

Deno.test("Supervisor starts what was parked when the whole table is resumed and its entry has changed", async () => {
  await using world = await parkedAndPaused();
  world.table.set("a");
  world.table.pause("a", { at: 0, isWholeTable: true });
  await settle();
  world.table.pause("a");
  await settle();
  assertEquals(world.take(), ["a resumed", "a unparked change", "a starting change 1", "a running 0"]);
});

Deno.test("Supervisor.start() finds that the whole table is resumed, and counts a parked key from the beginning", async () => {
  await using world = await parkedAndPaused();
  world.table.rows.get("a")!.pause = undefined; // not announced yet
  await assertRejects(() => world.supervisor.start("a"), Error, "oops");
  assertEquals(world.take(), [
    "a resumed",
    "a unparked call",
    "a starting call 1",
    "a exited starting failed oops 0",
    "a parked limit 1 oops",
  ]);
});

Deno.test("Supervisor starts what was parked if it was paused and resumed by itself while the whole table was paused", async () => {
  await using world = await parkedAndPaused();
  for (const next of [{ at: 0 }, { at: 0, isWholeTable: true as const }, undefined]) {
    world.table.pause("a", next);
    await settle();
  }
  assertEquals(world.take().slice(0, 2), ["a resumed", "a starting change 1"]);
});

Deno.test("Supervisor lets rest what was resting before the whole table was paused", async () => {
  await using world = new World({ a: {} }, { restart: { on: "failure" } });
  await world.begin();
  world.bot("a").leave();
  await settle();
  world.table.pause("a", { at: 0, isWholeTable: true });
  await settle();
  world.table.pause("a");
  await settle();
  assertEquals([world.stateOf("a"), world.bot("a").runs], ["resting", 1]);
});

Deno.test("Supervisor keeps a key paused when a look fails or its version changes, and starts the new one afterwards", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.table.pause("a", pause);
  await settle();
  world.table.onLook = () => Promise.reject(oops);
  await assertRejects(() => world.supervisor.ensure("a"), Error, "oops");
  assertEquals(world.stateOf("a"), "paused");
  world.table.onLook = () => {};
  world.table.set("a", { ...world.table.rows.get("a")! });
  world.table.rows.get("a")!.version = 7;
  world.table.pause("a", pause);
  await settle();
  assertEquals(world.stateOf("a"), "paused");
  world.table.pause("a");
  await settle();
  assertEquals(world.supervisor.status("a")?.version, 7);
});

Deno.test("Supervisor stops a process for a pause that is over before the stop is, and starts it again", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  world.table.pause("a", pause);
  await settle();
  world.table.pause("a");
  await settle();
  world.bot("a").down.resolve();
  await settle();
  assertEquals(world.take().slice(2).map((line) => line.replace(/ paused .*/, " paused")), [
    "a paused",
    "a resumed",
    "a exited running stopped 0",
    "a starting change 1",
    "a running 0",
  ]);
});

Deno.test("Supervisor leaves no timer of a pause behind at the end of its run", async () => {
  await using world = new World({ a: {} });
  world.table.rows.get("a")!.pause = { at: 0, untilAt: 1_000_000 };
  await world.begin();
  assertEquals(world.stateOf("a"), "paused");
  await world.end();
  assertEquals([world.supervisor.status("a"), world.time.timers], [undefined, 0]);
});
