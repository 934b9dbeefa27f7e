import { assertEquals, assertMatch } from "@std/assert";
import { documentedOrder, settle, watch, World } from "./fixtures/mod.ts";

/** How a bot that a test holds in one phase of its life gets on. */
function letGo(world: World): void {
  world.bot("a")?.up.resolve();
  world.bot("a")?.down.resolve();
}

const acts: Record<string, (world: World) => unknown> = {
  start: (world) => watch(world.supervisor.start("a")),
  ensure: (world) => watch(world.supervisor.ensure("a")),
  restart: (world) => watch(world.supervisor.restart("a")),
  stop: (world) => watch(world.supervisor.stop("a")),
  crash: (world) => world.bot("a")?.crash(),
  remove: (world) => world.table.delete("a"),
  change: (world) => world.table.set("a", { hangs: true, lingers: true }),
  reconcile: (world) => watch(world.supervisor.reconcile()),
  pass: (world) => world.time.pass(1_000),
  release: letGo,
};
const names = Object.keys(acts);
const pairs = names.flatMap((first) => names.map((second) => [first, second] as const));

/** What answers only when a script says "release". */
const holds = ["nothing", "looks", "rows", "builds"] as const;
type Hold = typeof holds[number];

/** Begins a world in which every step of the key can be held, and plays a script in it. */
async function play(script: readonly string[], hold: Hold): Promise<{ world: World; letAllGo(): Promise<void> }> {
  const world = new World({ a: { hangs: true, lingers: true } }, { restart: { maxDelayMs: 2_000 } });
  const { table } = world;
  let gate = Promise.withResolvers<void>();
  if (hold === "looks") table.onAnswer = () => gate.promise;
  if (hold === "rows") table.onRow = () => gate.promise;
  if (hold === "builds") table.onBuild = () => gate.promise;
  await world.begin();
  for (const name of script) {
    await acts[name](world);
    await settle();
    if (name !== "release") continue;
    gate.resolve();
    gate = Promise.withResolvers();
  }
  const letAllGo = async () => {
    table.onAnswer = table.onRow = table.onBuild = () => {};
    gate.resolve();
    await settle();
    letGo(world);
    await settle();
  };
  return { world, letAllGo };
}

/** Lets everything go after a script and demands that one more pass makes what runs match the table. */
async function converge(script: readonly string[], hold: Hold): Promise<string[]> {
  const { world, letAllGo } = await play(script, hold);
  await using _world = world;
  for (let i = 0; i < 10; i++) {
    await letAllGo();
    await world.time.pass(1_000);
  }
  watch(world.supervisor.reconcile());
  await letAllGo();
  const told = `after ${script.join(", ")} with ${hold} held`;
  assertEquals(world.supervisor.keys(), [...world.table.rows.keys()], told);
  assertEquals(world.live.keys, world.supervisor.keys(), told);
  assertMatch(world.journal.spell("a"), documentedOrder, told);
  return world.take();
}

/** Ends the run in the middle of everything and demands that it resolves and starts nothing more. */
async function cutShort(script: readonly string[], hold: Hold, isForced: boolean): Promise<void> {
  const { world, letAllGo } = await play(script, hold);
  await using _world = world;
  const told = `after ${script.join(", ")} with ${hold} held`;
  await world.time.pass(1_000);
  const { runs } = world.bot("a") ?? { runs: 0 };
  if (isForced) world.force.abort();
  await world.leave();
  await letAllGo();
  await world.time.pass(20_000);
  assertEquals([world.run.fate, world.bot("a")?.runs ?? 0], ["resolved", runs], told);
  assertMatch(world.journal.spell("a"), documentedOrder, told);
}

for (const first of names) {
  for (const hold of holds) {
    Deno.test(`Supervisor keeps one live process per key and converges after ${first}, with ${hold} held`, async () => {
      for (const [, second] of pairs.filter(([name]) => name === first)) {
        for (const third of ["release", "remove", "change", "stop", "crash"]) {
          await converge([first, second, third], hold);
          await converge(["release", first, second, third], hold);
        }
      }
    });

    Deno.test(`Supervisor.run() ends in the middle of everything after ${first}, with ${hold} held`, async () => {
      for (const [, second] of pairs.filter(([name]) => name === first)) {
        for (const isForced of [false, true]) {
          await cutShort([first, second], hold, isForced);
          await cutShort(["release", first, second], hold, isForced);
        }
      }
    });
  }
}

Deno.test("Supervisor announces the same events when the same happens twice", async () => {
  for (const [first, second] of pairs) {
    const script = ["release", first, "crash", second, "pass"];
    assertEquals(await converge(script, "looks"), await converge(script, "looks"));
  }
});
