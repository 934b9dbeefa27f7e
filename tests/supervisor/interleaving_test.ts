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

/** Plays a script over a key whose every step can be held, then lets everything go and demands that it has converged. */
async function play(script: readonly string[], slow: { looks: boolean; builds: boolean }): Promise<string[]> {
  await using world = new World({ a: { hangs: true, lingers: true } }, { restart: { maxDelayMs: 2_000 } });
  let gate = Promise.withResolvers<void>();
  if (slow.looks) world.table.onAnswer = () => gate.promise;
  if (slow.builds) world.table.onRow = () => gate.promise;
  await world.begin();
  for (const name of script) {
    await acts[name](world);
    await settle();
    if (name === "release") {
      gate.resolve();
      gate = Promise.withResolvers();
    }
  }
  world.table.onAnswer = world.table.onRow = () => {};
  gate.resolve();
  for (let i = 0; i < 20; i++) {
    letGo(world);
    await world.time.pass(1_000);
  }
  watch(world.supervisor.reconcile());
  await settle();
  letGo(world);
  await settle();
  assertEquals(world.supervisor.keys(), [...world.table.rows.keys()], `after ${script.join(", ")}`);
  assertEquals(world.live.keys, world.supervisor.keys());
  await world.leave();
  letGo(world);
  await settle();
  assertEquals(world.run.fate, "resolved");
  assertMatch(world.journal.spell("a"), documentedOrder, `after ${script.join(", ")}`);
  return world.take();
}

for (const [first, second] of pairs) {
  Deno.test(`Supervisor keeps one live process per key and converges after ${first}, then ${second}, then the end`, async () => {
    for (const looks of [false, true]) {
      for (const third of ["release", "remove", "change", "stop"]) {
        await play([first, second, third], { looks, builds: false });
        await play(["release", first, second, third], { looks, builds: true });
      }
    }
  });
}

Deno.test("Supervisor announces the same events when the same happens twice", async () => {
  for (const [first, second] of pairs) {
    const script = ["release", first, "crash", second, "pass"];
    const slow = { looks: true, builds: false };
    assertEquals(await play(script, slow), await play(script, slow));
  }
});
