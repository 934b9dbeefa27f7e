import { assertEquals } from "@std/assert";
import { documentedOrder, settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

const scripts: [string, string, (world: World) => unknown][] = [
  ["a start and a stop", "sr!", (world) => world.supervisor.stop("a")],
  ["a crash and a restart", "sr!tsr", async (world) => {
    world.bot("a").crash();
    await world.time.pass(1_000);
  }],
  ["a removal", "srd!", (world) => world.table.delete("a")],
  ["a replacement", "src!sr", (world) => world.table.set("a")],
  ["a removal during a restart's delay", "sr!td", async (world) => {
    world.bot("a").crash();
    await settle();
    world.table.delete("a");
  }],
  ["parking", "sr!ts!p", async (world) => {
    world.table.rows.get("a")!.build = () => Promise.reject(oops);
    world.bot("a").crash();
    await world.time.pass(1_000);
  }],
  ["a new version after parking", "sr!ts!pusr", async (world) => {
    world.table.rows.get("a")!.build = () => Promise.reject(oops);
    world.bot("a").crash();
    await world.time.pass(1_000);
    world.table.set("a");
  }],
  ["a removal after parking", "sr!ts!pd", async (world) => {
    world.table.rows.get("a")!.build = () => Promise.reject(oops);
    world.bot("a").crash();
    await world.time.pass(1_000);
    world.table.delete("a");
  }],
];
for (const [title, expected, act] of scripts) {
  Deno.test(`Supervisor announces ${title} in the documented order`, async () => {
    await using world = new World({ a: {} }, { restart: { limit: 2 } });
    await world.begin();
    await act(world);
    await settle();
    const spelt = world.journal.spell("a");
    assertEquals([spelt, documentedOrder.test(spelt)], [expected, true]);
  });
}

Deno.test("Supervisor announces a stuck process that ends after all in the documented order", async () => {
  await using world = new World({ a: { lingers: true, deaf: true } });
  await world.begin();
  const old = world.bot("a");
  world.table.set("a");
  await world.time.pass(9_000);
  old.down.resolve();
  await settle();
  assertEquals(world.journal.spell("a"), "srckn!sr");
});

Deno.test("Supervisor announces a removal before the process was up in the documented order", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  world.table.delete("a");
  await settle();
  assertEquals(world.journal.spell("a"), "sd!");
});

Deno.test("Supervisor announces no event of a next life before the exit of the one before", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const old = world.bot("a");
  watch(world.supervisor.restart("a"));
  watch(world.supervisor.ensure("a"));
  world.table.set("a");
  await world.time.pass(1_000);
  assertEquals(world.journal.spell("a"), "sr");
  old.down.resolve();
  await settle();
  assertEquals(world.journal.spell("a"), "sr!sr");
});

Deno.test("Supervisor announces an end of the run in the documented order for every key", async () => {
  await using world = new World({
    a: {},
    b: { hangs: true },
    c: { startError: oops },
    d: { lingers: true, deaf: true },
  });
  await world.begin();
  await world.time.pass(1_500);
  await world.end();
  assertEquals(["a", "b", "c", "d"].map((key) => world.journal.spell(key)), ["sr!", "s!", "s!ts!t", "srk"]);
});

Deno.test("Supervisor announces what concerns the pass after what the pass did", async () => {
  await using world = new World({ a: {}, b: {} }, { announces: false });
  await world.begin();
  world.take();
  world.table.delete("a");
  await world.supervisor.reconcile();
  await settle();
  const lines = world.take({ passes: true });
  assertEquals(lines[0], "a removed");
  assertEquals(lines.filter((line) => line.startsWith("reconciled")), ["reconciled 1 0 1 0 0 0"]);
});
