import { assert, assertEquals } from "@std/assert";
import { settle, watch, World } from "./fixtures/mod.ts";

/** What can be going on with the key "a" when a hint comes; each says how to get there and how to let it end. */
interface Situation {
  readonly reach: (world: World) => unknown;
  /** Lets what is held back go on. */
  readonly release?: (world: World) => unknown;
  readonly options?: object;
}

const hold = (world: World, key: string) => world.bot(key).down.resolve();
const parkedAfter = { restart: { limit: 1 } };
const slow = { restart: { minDelayMs: 30_000, maxDelayMs: 30_000 } };
const late = { hangs: true, deaf: true };

const situations: Record<string, Situation> = {
  "absent": { reach: (world) => world.table.delete("a") },
  "asked for": {
    reach: async (world) => {
      world.table.delete("a");
      await settle();
      const gate = Promise.withResolvers<void>();
      world.table.onLook = () => gate.promise;
      world.table.set("a");
      setTimeout(gate.resolve, 50);
      await settle();
    },
    release: (world) => world.table.onLook = () => {},
  },
  "queued": {
    reach: async (world) => {
      await world.supervisor.stop("a");
      world.table.set("hog", { hangs: true });
      await settle();
      world.table.set("a");
    },
    options: { startConcurrency: 1 },
    release: (world) => world.time.pass(2_000),
  },
  "looked at for a call": {
    reach: async (world) => {
      await world.supervisor.stop("a");
      const gate = Promise.withResolvers<void>();
      world.table.onAnswer = () => gate.promise;
      watch(world.supervisor.ensure("a"));
      setTimeout(gate.resolve, 50);
      await settle();
      world.table.onAnswer = () => {};
    },
  },
  "being built": {
    reach: async (world) => {
      await world.supervisor.stop("a");
      const gate = Promise.withResolvers<void>();
      world.table.onBuild = () => gate.promise;
      watch(world.supervisor.ensure("a"));
      setTimeout(gate.resolve, 50);
      await settle();
      world.table.onBuild = () => {};
    },
  },
  "starting": { reach: (world) => world.table.set("a", { hangs: true }) },
  "running": { reach: () => {} },
  "stopping by call": {
    reach: (world) => {
      world.table.set("a", { lingers: true });
      return settle().then(() => watch(world.supervisor.stop("a")));
    },
    release: (world) => hold(world, "a"),
  },
  "stopping for a new version": {
    reach: async (world) => {
      world.table.set("a", { lingers: true });
      await settle();
      world.table.set("a");
    },
    release: (world) => hold(world, "a"),
  },
  "restarting by call": {
    reach: async (world) => {
      world.table.set("a", { lingers: true });
      await settle();
      watch(world.supervisor.restart("a"));
    },
    release: (world) => hold(world, "a"),
  },
  "forced": {
    reach: async (world) => {
      world.table.set("a", { lingers: true, deaf: true });
      await settle();
      watch(world.supervisor.stop("a"));
      await world.time.pass(5_000);
    },
    release: (world) => hold(world, "a"),
  },
  "stuck": {
    reach: async (world) => {
      world.table.set("a", { lingers: true, deaf: true });
      await settle();
      watch(world.supervisor.stop("a"));
      await world.time.pass(9_000);
    },
    release: (world) => hold(world, "a"),
  },
  "ending a late start-up, to be parked": {
    reach: async (world) => {
      world.table.set("a", late);
      await world.time.pass(1_000);
    },
    options: { startTimeoutMs: 500, ...parkedAfter },
    release: (world) => world.bot("a").crash(),
  },
  "ending a late start-up, to be retried": {
    reach: async (world) => {
      world.table.set("a", late);
      await world.time.pass(1_000);
    },
    options: { startTimeoutMs: 500, ...slow },
    release: (world) => world.bot("a").crash(),
  },
  "stuck in a late start-up": {
    reach: async (world) => {
      world.table.set("a", late);
      await world.time.pass(10_000);
    },
    options: { startTimeoutMs: 500, ...parkedAfter },
    release: (world) => world.bot("a").crash(),
  },
  "retrying": { reach: (world) => world.bot("a").crash(), options: slow },
  "parked": { reach: (world) => world.bot("a").crash(), options: parkedAfter },
  "resting": { reach: (world) => world.bot("a").leave(), options: { restart: { on: "failure" } } },
};

/** What the table comes to say; whether a process of the new version is to run in the end. */
const hints: Record<string, { readonly act: (world: World) => unknown; readonly runs: boolean }> = {
  "a new version": { act: ({ table }) => table.set("a"), runs: true },
  "two new versions": {
    act: async ({ table }) => {
      table.set("a", { hangs: true });
      await settle();
      table.set("a");
    },
    runs: true,
  },
  "a removal": { act: ({ table }) => table.delete("a"), runs: false },
  "a removal and a new entry": {
    act: async ({ table }) => {
      table.delete("a");
      await settle();
      table.set("a");
    },
    runs: true,
  },
  "a new entry and a removal": {
    act: async ({ table }) => {
      table.set("a");
      await settle();
      table.delete("a");
    },
    runs: false,
  },
};

for (const [situation, { reach, release = () => {}, options }] of Object.entries(situations)) {
  for (const [hint, { act, runs }] of Object.entries(hints)) {
    Deno.test(`Supervisor follows ${hint} of a key that is ${situation} without waiting for a delay or a pass`, async () => {
      await using world = new World({ a: {} }, { intervalMs: 3_600_000, ...options });
      await world.begin();
      await reach(world);
      await settle();
      const held = world.bot("a");
      await act(world);
      await settle();
      await release(world);
      held.down.resolve();
      held.crash();
      await world.time.pass(60); // what is held back in the table is let go after 50 ms
      const status = world.supervisor.status("a");
      const version = world.table.rows.get("a")?.version;
      assertEquals([status?.state, status?.version], runs ? ["running", version] : [undefined, undefined]);
    });
  }
}

Deno.test("Supervisor starts nothing for a hint that says what it knows, in no state", async () => {
  await using world = new World({ a: {}, b: {}, c: {} }, { restart: { limit: 1, on: "failure" } });
  await world.begin();
  world.bot("a").crash();
  world.bot("b").leave();
  await settle();
  const before = world.snapshot.counts;
  world.take();
  for (const key of ["a", "b", "c"]) world.table.announce(key);
  await settle();
  assertEquals([world.take(), world.snapshot.counts], [[], before]);
  assert("parked" in before && "resting" in before && "running" in before);
});
