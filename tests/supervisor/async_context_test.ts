import { AsyncLocalStorage } from "node:async_hooks";
import { assertEquals } from "@std/assert";
import { nop } from "@pact/supervisor";
import { settle, watch, World, type WorldOptions } from "./fixtures/mod.ts";

/** What a request would set, or a process for itself. The run of the supervisor has a context of its own. */
const context = new AsyncLocalStorage<string>();
const home = "the run";

/** A world that writes down in which context its table is asked, and its processes are built and run. */
async function worldAtHome(keys: string[], options: WorldOptions = {}) {
  const seen = new Set<string | undefined>();
  const see = () => void seen.add(context.getStore());
  const world = new World(Object.fromEntries(keys.map((key) => [key, {}])), { startConcurrency: 2, ...options });
  world.table.onBuild = see;
  world.table.onLook = see;
  world.table.onIterate = see;
  world.supervisor.subscribe(see);
  await context.run(home, () => world.begin());
  seen.clear();
  return { world, seen };
}

const inRequest = <T>(call: () => T): T => context.run("a request", call);

const ways: Record<string, (world: World) => unknown> = {
  "start() is called": async ({ supervisor }) => {
    await supervisor.stop("a");
    await inRequest(() => supervisor.start("a"));
  },
  "start() is called with a signal": async ({ supervisor }) => {
    await supervisor.stop("a");
    const { signal } = new AbortController();
    await inRequest(() => supervisor.start("a", { signal }));
  },
  "ensure() is called": async ({ supervisor }) => {
    await supervisor.stop("a");
    await inRequest(() => supervisor.ensure("a"));
  },
  "restart() is called": ({ supervisor }) => inRequest(() => supervisor.restart("a")),
  "restart() is called on a key that has none": async ({ supervisor }) => {
    await supervisor.stop("a");
    await inRequest(() => supervisor.restart("a"));
  },
  "ensure() is called while it stops": async (world) => {
    world.table.set("a", { lingers: true });
    await settle();
    const stopped = watch(world.supervisor.stop("a"));
    inRequest(() => watch(world.supervisor.ensure("a")));
    world.bot("a").down.resolve();
    await settle();
    assertEquals(stopped.fate, "resolved");
  },
  "reconcile() is called": async ({ supervisor, table }) => {
    table.rows.set("late", { build: () => (table.onBuild("late"), nop) });
    await inRequest(() => supervisor.reconcile());
  },
  "its entry is written": ({ table }) => inRequest(() => table.set("a")),
  "a hint says to look at everything": ({ table }) => inRequest(() => table.announce()),
  "its retry is due": (world) => {
    inRequest(() => world.bot("a").crash());
    return world.time.pass(2_000);
  },
  "the timer of its retry was set by a call for another key": async (world) => {
    await world.supervisor.stop("b");
    world.table.rows.set("b", { version: 9, build: () => ({ run: () => Promise.reject(new Error("down")) }) });
    await inRequest(() => watch(world.supervisor.ensure("b")));
    await settle();
    world.bot("a").crash();
    await world.time.pass(5_000);
  },
  "another process makes room for it": async (world) => {
    for (const key of ["x", "y", "z"]) world.table.set(key, { hangs: true });
    await settle();
    for (const key of ["x", "y", "z"]) {
      context.run(key, () => world.bot(key)?.up.resolve());
      await settle();
    }
  },
  "a start keeps others waiting": async (world) => {
    inRequest(() => ["x", "y", "z"].forEach((key) => world.table.set(key, { hangs: true })));
    await world.time.pass(1_500);
  },
  "the next pass is due": (world) => world.time.pass(61_000),
};

for (const [way, act] of Object.entries(ways)) {
  Deno.test(`Supervisor builds and runs a process in the async context of its own run when ${way}`, async () => {
    const { world: all, seen } = await worldAtHome(["a", "b"]);
    await using world = all;
    await act(world);
    await settle();
    assertEquals([...seen], [home]);
  });
}

Deno.test("Supervisor runs no process in the context of one that started before it", async () => {
  const strangers: string[] = [];
  const build = (key: string) => () => ({
    run: async (running: (signal: AbortSignal) => unknown, { signal }: { signal: AbortSignal }) => {
      if (context.getStore() !== undefined) strangers.push(key);
      await context.run(key, async () => {
        await settle();
        await running(signal);
      });
    },
  });
  await using world = new World(
    Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, { build: build(`k${i}`) }])),
  );
  await world.begin();
  for (let i = 0; i < 10; i++) await settle();
  assertEquals([world.snapshot.counts, strangers], [{ running: 300 }, []]);
});

Deno.test("Supervisor has a second run in the context of its own", async () => {
  const { world: all, seen } = await worldAtHome(["a"]);
  await using world = all;
  await world.end();
  seen.clear();
  await context.run("the second run", () => world.begin());
  await settle();
  assertEquals([...seen], ["the second run"]);
});
