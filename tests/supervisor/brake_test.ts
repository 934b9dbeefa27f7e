import { assert, assertEquals } from "@std/assert";
import { leaf, MapTable, type RestartOptions, Supervisor, type SupervisorEvent } from "@pact/supervisor";
import { defaultRestartPolicy, type RestartPolicy } from "../../src/restart.ts";
import { Brake } from "../../src/supervisor/brake.ts";
import { turn } from "../../src/clock.ts";
import { settle, World } from "./fixtures/mod.ts";

const policyOf = (options: RestartOptions): RestartPolicy => ({ ...defaultRestartPolicy, ...options });

/** Counts a start at each moment, each of which waits as the brake says, and no less than its own delay. */
function delays(moments: number[], options: RestartOptions = {}, ownDelayMs = 0): number[] {
  const brake = new Brake();
  return moments.map((at) => brake.count(at, ownDelayMs, policyOf(options)));
}

/** Starts that end at once: each is counted when the one before has waited. */
function spin(count: number, options: RestartOptions = {}): number[] {
  const brake = new Brake(), waits: number[] = [];
  for (let at = 0; waits.length < count; at += waits.at(-1)!) waits.push(brake.count(at, 0, policyOf(options)));
  return waits;
}

const ten = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const none = Array(10).fill(0);
const tables: [string, number[], number[]][] = [
  ["lets ten starts within 10 s be", ten, none],
  ["slows the eleventh within 10 s", [...ten, 9_999], [...none, 1_000]],
  ["does not slow one that is the eleventh of more than 10 s", [...ten, 10_000], [...none, 0]],
  ["slides its window", [...ten, 10_000, 10_000], [...none, 0, 1_000]],
  ["lets a start every second be", Array.from({ length: 30 }, (_, index) => index * 1_000), Array(30).fill(0)],
  ["slows each further one twice as much", [...ten, 10, 1_010, 3_010], [...none, 1_000, 2_000, 4_000]],
  ["forgets after 10 s without a start", [...ten, 10, 11_010, 11_020], [...none, 1_000, 0, 0]],
  ["does not forget a moment earlier", [...ten, 10, 11_009], [...none, 1_000, 2_000]],
];
for (const [title, moments, expected] of tables) {
  Deno.test(`Brake.count() ${title}`, () => assertEquals(delays(moments), expected));
}

Deno.test("Brake.count() slows what spins up to maxDelayMs", () => {
  assertEquals(spin(20), [...none, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, ...Array(4).fill(60_000)]);
  assertEquals(spin(14, { minDelayMs: 5, maxDelayMs: 7 }), [...none, 5, 7, 7, 7]);
});

Deno.test("Brake.count() is off with minDelayMs 0", () => {
  assertEquals(delays(Array(100).fill(0), { minDelayMs: 0 }), Array(100).fill(0));
});

Deno.test("Brake.isTold is forgotten with what was counted", () => {
  const brake = new Brake(), policy = policyOf({});
  brake.count(0, 0, policy);
  brake.isTold = true;
  for (const [at, isTold] of [[9_999, true], [19_999, false]] as const) {
    brake.count(at, 0, policy);
    assertEquals(brake.isTold, isTold);
  }
});

Deno.test("Brake.count() takes a start that waits for longer of itself as coming later", () => {
  const brake = new Brake(), policy = policyOf({});
  for (let count = 0; count < 10; count++) brake.count(0, 0, policy);
  assertEquals(brake.count(0, 60_000, policy), 1_000);
  assertEquals(brake.count(60_000, 0, policy), 2_000);
});

Deno.test("Brake.leftMs() tells how long a start has to wait that is wanted earlier", () => {
  const brake = new Brake(), policy = policyOf({});
  for (let count = 0; count < 11; count++) brake.count(0, 60_000, policy);
  assertEquals([0, 400, 1_000, 2_000].map((at) => brake.leftMs(at)), [1_000, 600, 0, 0]);
});

/** A bot that writes its own entry whenever it is up. */
function rewriting(world: World): void {
  const build = () => leaf(() => world.table.set("a", { build }));
  world.table.set("a", { build });
}

Deno.test("Supervisor slows a process that rewrites its own entry", async () => {
  await using world = new World();
  await world.begin();
  rewriting(world);
  await world.time.pass(60_000);
  const starts = world.journal.of("starting").map(({ at }) => at);
  assertEquals(starts.slice(10), [0, 1_000, 3_000, 7_000, 15_000, 31_000]);
  world.table.delete("a");
});

Deno.test("Supervisor says once that it is the brake, and that the key is retrying", async () => {
  await using world = new World();
  await world.begin();
  rewriting(world);
  await settle();
  assertEquals(world.stateOf("a"), "retrying");
  assertEquals(world.supervisor.status("a")?.retryAt, 1_000);
  await world.time.pass(20_000);
  const causes = world.journal.of("retrying").map(({ cause, delayMs }) => [cause, delayMs]);
  assertEquals(causes, [["brake", 1_000], [undefined, 2_000], [undefined, 4_000], [undefined, 8_000], [
    undefined,
    16_000,
  ]]);
  world.table.delete("a");
});

Deno.test("Supervisor says again that it is the brake when it had been forgotten", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  for (let round = 0; round < 2; round++) {
    for (let change = 0; change < 11; change++) {
      world.table.set("a");
      await settle();
    }
    await world.time.pass(12_000);
  }
  assertEquals(world.journal.of("retrying").map(({ cause }) => cause), ["brake", "brake"]);
  assertEquals(world.stateOf("a"), "running");
});

Deno.test("Supervisor takes the newest version when the brake lets go, however often it changed meanwhile", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  for (let change = 0; change < 30; change++) {
    world.table.set("a");
    await settle();
  }
  assertEquals([world.stateOf("a"), world.journal.of("retrying").length], ["retrying", 1]);
  await world.time.pass(1_000);
  const status = world.supervisor.status("a");
  assertEquals([status?.state, status?.version, world.journal.of("starting").length], ["running", 31, 12]);
});

Deno.test("Supervisor starts a key that is held up by the brake at once when it is called for", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  for (let change = 0; change < 12; change++) {
    world.table.set("a");
    await settle();
  }
  await world.supervisor.start("a");
  assertEquals(world.stateOf("a"), "running");
});

Deno.test("Supervisor slows a key that rewrites its entry and is parked each time", async () => {
  await using world = new World({ a: {} }, { restart: { limit: 1 } });
  await world.begin();
  for (let change = 0; change < 12; change++) {
    world.bot("a").crash();
    await settle();
    world.table.set("a");
    await settle();
  }
  assertEquals(world.stateOf("a"), "retrying");
  assertEquals(world.journal.of("retrying").map(({ cause }) => cause), ["brake"]);
  assert(world.journal.spell("a").endsWith("!put"), world.journal.spell("a"));
  await world.time.pass(1_000);
  assertEquals(world.stateOf("a"), "running");
});

Deno.test("Supervisor brings a retry forward when the entry changes, but not before the brake lets go", async () => {
  await using world = new World({ a: {} }, { restart: { decide: () => 50_000 } });
  await world.begin();
  for (let change = 0; change < 11; change++) {
    world.bot("a").crash();
    await settle();
    if (change < 10) world.table.set("a");
    await settle();
  }
  assertEquals(world.journal.of("retrying").at(-1)?.retryAt, 50_000);
  world.table.set("a");
  await settle();
  assertEquals(world.journal.of("retrying").at(-1)?.retryAt, 1_000);
  await world.time.pass(1_000);
  assertEquals(world.stateOf("a"), "running");
});

Deno.test("Supervisor slows what decide or a RetryAfterError wants restarted at once", async () => {
  await using world = new World({ a: { startError: new Error("oops") } }, { restart: { decide: () => 0 } });
  await world.begin();
  await world.time.pass(7_000);
  assertEquals(world.journal.of("starting").map(({ at }) => at).slice(9), [0, 0, 1_000, 3_000, 7_000]);
});

Deno.test("Supervisor does not brake with minDelayMs 0", async () => {
  await using world = new World({ a: {} }, { restart: { minDelayMs: 0 } });
  await world.begin();
  for (let change = 0; change < 50; change++) {
    world.table.set("a");
    await settle();
  }
  assertEquals([world.journal.of("starting").length, world.stateOf("a")], [51, "running"]);
});

Deno.test("Supervisor counts no start by call, nor that of a key that was removed in between", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  for (let round = 0; round < 50; round++) {
    await world.supervisor.restart("a");
    await world.supervisor.stop("a");
    await world.supervisor.start("a");
    world.table.delete("a");
    await settle();
    world.table.set("a");
    await settle();
  }
  assertEquals([world.journal.of("retrying").length, world.stateOf("a")], [0, "running"]);
});

Deno.test("Supervisor follows a key that is set and deleted a thousand times at once, as the brake does not hold it up", async () => {
  const pauses = [() => undefined, () => Promise.resolve(), turn];
  for (const pause of pauses) {
    for (const isSetAtLast of [true, false]) {
      const table = new MapTable([["a", leaf((signal) => new Promise((end) => signal.onabort = end))]]);
      const supervisor = new Supervisor(table);
      await supervisor.run(async () => {
        for (let round = 0; round < 1_000; round++) {
          table.delete("a");
          await pause();
          table.set("a", leaf((signal) => new Promise((end) => signal.onabort = end)));
          await pause();
        }
        if (!isSetAtLast) table.delete("a");
        for (let settled = 0; settled < 10; settled++) await settle(); // what the brake holds up would take a second
        assertEquals(supervisor.snapshot().counts, isSetAtLast ? { running: 1 } : {});
      });
    }
  }
});

Deno.test("Supervisor.restart() a hundred thousand times is not slowed", async () => {
  const table = new MapTable([["a", leaf((signal) => new Promise((end) => signal.onabort = end))]]);
  const supervisor = new Supervisor(table);
  const events: Record<string, number> = {};
  supervisor.subscribe(({ type }: SupervisorEvent<string>) => events[type] = (events[type] ?? 0) + 1);
  await supervisor.run(async () => {
    for (let count = 0; count < 50_000; count++) {
      await supervisor.restart("a");
      await supervisor.stop("a");
      await supervisor.start("a");
    }
  });
  assertEquals([events.starting, events.retrying], [100_001, undefined]);
});
