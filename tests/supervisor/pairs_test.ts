import { assertEquals } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

type Call = "start" | "ensure" | "restart" | "stop";
const calls: readonly Call[] = ["start", "ensure", "restart", "stop"];

const up = "up";
const exists = "ProcessExistsError";
const cutShort = "ProcessEndedEarlyError";
const none = "ProcessNotFoundError";
const ended = "ended";

/** What each of two calls at the same moment gets, and whether the key is up in the end. */
type Outcome = readonly [first: string, second: string, isUp: boolean];

/** Calls on a key of the table that has no process. */
const withoutProcess: Readonly<Record<Call, Readonly<Record<Call, Outcome>>>> = {
  start: {
    start: [up, exists, true],
    ensure: [up, up, true],
    restart: [up, up, true],
    stop: [cutShort, ended, false],
  },
  ensure: {
    start: [up, exists, true],
    ensure: [up, up, true],
    restart: [up, up, true],
    stop: [cutShort, ended, false],
  },
  restart: {
    start: [up, exists, true],
    ensure: [up, up, true],
    restart: [up, up, true],
    stop: [cutShort, ended, false],
  },
  stop: {
    start: [none, up, true],
    ensure: [none, up, true],
    restart: [none, up, true],
    stop: [none, none, false],
  },
};

/** Calls on a process that is still starting, by itself. */
const whileStarting: Readonly<Record<Call, Readonly<Record<Call, Outcome>>>> = {
  start: {
    start: [exists, exists, true],
    ensure: [exists, up, true],
    restart: [exists, up, true],
    stop: [exists, ended, false],
  },
  ensure: {
    start: [up, exists, true],
    ensure: [up, up, true],
    restart: [up, up, true],
    stop: [cutShort, ended, false],
  },
  restart: {
    start: [up, exists, true],
    ensure: [up, up, true],
    restart: [up, up, true],
    stop: [cutShort, ended, false],
  },
  stop: {
    start: [ended, exists, false],
    ensure: [ended, up, true],
    restart: [ended, up, true],
    stop: [ended, ended, false],
  },
};

/** Calls on a process that runs, and takes a moment to stop. */
const whileRunning: typeof whileStarting = {
  ...whileStarting,
  ensure: { ...whileStarting.ensure, stop: [up, ended, false] },
};

/** Calls on a process that was asked to stop, and takes a moment. */
const whileStopping: typeof whileStarting = {
  ...whileStarting,
  start: { ...whileStarting.start, start: [exists, exists, false], stop: [exists, ended, false] },
};

const situations: [string, (world: World) => unknown, typeof whileStarting][] = [
  ["has no process", ({ supervisor }) => supervisor.stop("a"), withoutProcess],
  ["is starting", ({ table }) => table.set("a", { hangs: true }), whileStarting],
  ["is running", () => {}, whileRunning],
  ["is stopping", ({ supervisor }) => void watch(supervisor.stop("a")), whileStopping],
];

for (const [situation, reach, outcomes] of situations) {
  for (const first of calls) {
    for (const second of calls) {
      Deno.test(`Supervisor.${first}() and ${second}() at once on a key that ${situation} both get what comes of it`, async () => {
        await using world = new World({ a: { lingers: true } }, { announces: situation === "is starting" });
        await world.begin();
        if (situation === "has no process") world.bot("a").down.resolve();
        await reach(world);
        await settle();
        const old = world.bot("a");
        const { supervisor } = world;
        const told = [watch<unknown>(supervisor[first]("a")), watch<unknown>(supervisor[second]("a"))];
        await settle();
        old.down.resolve();
        world.bot("a").up.resolve();
        await settle();
        world.bot("a").up.resolve();
        await settle();
        const fates = [first, second].map((call, i) =>
          told[i].fate !== "resolved" ? told[i].fate : call === "stop" ? ended : up
        );
        const isUp = world.stateOf("a") === "running";
        assertEquals([...fates, isUp], [...outcomes[first][second]]);
        world.bot("a").down.resolve();
        await settle();
      });
    }
  }
}

Deno.test("Supervisor.restart() called ten times at once on one key restarts it once, and gives all the new process", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const old = world.bot("a");
  const restarts = Array.from({ length: 10 }, () => watch(world.supervisor.restart("a")));
  old.down.resolve();
  await settle();
  assertEquals(restarts.map(({ value }) => value === world.bot("a")), Array(10).fill(true));
  assertEquals([world.bot("a") === old, world.journal.of("starting").length], [false, 2]);
  world.bot("a").down.resolve();
});

Deno.test("Supervisor.restart() while a restart is starting gives both callers the process that comes up", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.table.set("a", { hangs: true });
  const first = watch(world.supervisor.restart("a"));
  await settle();
  world.table.set("a");
  const second = watch(world.supervisor.restart("a"));
  await settle();
  assertEquals([first.value === world.bot("a"), second.value === world.bot("a")], [true, true]);
});
