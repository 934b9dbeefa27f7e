import { assertEquals, assertMatch } from "@std/assert";
import { settle, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

Deno.test("Supervisor starts an entry as soon as the table announces it", async () => {
  await using world = new World();
  await world.begin();
  world.table.set("a");
  await settle();
  assertEquals([world.take(), world.time.now], [["a starting change 1", "a running 0"], 0]);
});

Deno.test("Supervisor stops a process as soon as the table announces that its entry is gone", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.take();
  world.table.delete("a");
  await settle();
  assertEquals(world.take(), ["a removed", "a exited running stopped 0"]);
});

Deno.test("Supervisor replaces a process as soon as the table announces a new version", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.take();
  world.table.set("a");
  await settle();
  const lives = ["a replaced 2", "a exited running stopped 0", "a starting change 1", "a running 0"];
  assertEquals(world.take(), lives);
});

Deno.test("Supervisor looks an announced key up and passes over nothing else", async () => {
  await using world = new World({ a: {}, b: {} });
  await world.begin();
  world.table.announce("a");
  await settle();
  assertEquals([world.table.looks, world.table.iterations], [["a"], 1]);
});

Deno.test("Supervisor does nothing about an announcement of what it knows", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.take();
  world.table.announce("a");
  world.table.announce("nobody");
  await settle();
  assertEquals([world.take(), world.supervisor.keys()], [[], ["a"]]);
});

Deno.test("Supervisor makes a pass when the table announces that everything may have changed", async () => {
  await using world = new World();
  await world.begin();
  world.table.rows.set("a", { build: () => ({ run: (up: () => unknown) => up() }) });
  world.table.announce(undefined);
  await settle();
  assertEquals([world.table.iterations, world.journal.of("starting").map(({ cause }) => cause)], [2, ["change"]]);
});

Deno.test("Supervisor begins to follow the table before it restores it", async () => {
  await using world = new World({ a: {} });
  world.table.onIterate = () => assertEquals(world.table.streams.length, 1);
  await world.begin();
  assertEquals(world.supervisor.keys(), ["a"]);
});

Deno.test("Supervisor looks once more at a key that is announced again during a look", async () => {
  await using world = new World();
  await world.begin();
  const gate = Promise.withResolvers<void>();
  world.table.onAnswer = () => gate.promise;
  world.table.set("a");
  await settle();
  world.table.set("a");
  await settle();
  world.table.delete("a");
  await settle();
  assertEquals(world.table.looks, ["a"]);
  gate.resolve();
  await settle();
  assertEquals([world.table.looks, world.supervisor.keys()], [["a", "a"], []]);
});

Deno.test("Supervisor.run() resolves only when the stream of changes has ended, and opens one per run", async () => {
  await using world = new World();
  await world.begin();
  await world.end();
  assertEquals(world.table.streams.map(({ ended }) => ended), [true]);
  await world.begin();
  assertEquals(world.table.streams.length, 2);
});

for (
  const [title, breakDown, said] of [
    ["throws", (world: World) => world.table.streams.at(-1)!.fail(oops), /^table-failed changes oops$/],
    ["ends", (world: World) => void world.table.streams.at(-1)!.return(), /^table-failed changes .*ended before/],
  ] as const
) {
  Deno.test(`Supervisor announces that the stream of changes ${title}`, async () => {
    await using world = new World();
    await world.begin();
    breakDown(world);
    await settle();
    const [line] = world.take();
    assertMatch(line, said);
  });

  Deno.test(`Supervisor opens the stream of changes again after a while that grows when it ${title}`, async () => {
    await using world = new World();
    await world.begin();
    for (const [streams, delayMs] of [[1, 1_000], [2, 2_000], [3, 4_000], [4, 8_000]]) {
      breakDown(world);
      await world.time.pass(delayMs - 1);
      assertEquals(world.table.streams.length, streams);
      await world.time.pass(1);
      assertEquals(world.table.streams.length, streams + 1);
    }
  });

  Deno.test(`Supervisor makes a pass when it has opened the stream again that ${title}`, async () => {
    await using world = new World();
    await world.begin();
    breakDown(world);
    await settle();
    world.table.set("a"); // announced to nobody
    await world.time.pass(1_000);
    assertEquals([world.table.iterations, world.supervisor.keys()], [2, ["a"]]);
  });
}

Deno.test("Supervisor waits as briefly as at first for a stream that has worked in between", async () => {
  await using world = new World();
  await world.begin();
  world.table.streams[0].fail(oops);
  await world.time.pass(1_000);
  world.table.announce("a");
  await settle();
  world.table.streams[1].fail(oops);
  await world.time.pass(1_000);
  assertEquals(world.table.streams.length, 3);
});

Deno.test("Supervisor bears a table whose changes() throws at once", async () => {
  await using world = new World({ a: {} });
  world.table.changes = () => {
    throw oops;
  };
  await world.begin();
  await settle();
  assertEquals([world.journal.tellings(oops), world.supervisor.keys()], [1, ["a"]]);
});

Deno.test("Supervisor stops nothing because the stream of changes fails", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.table.streams[0].fail(oops);
  await world.time.pass(10_000);
  assertEquals(world.bot("a").runs, 1);
});

Deno.test("Supervisor does not announce a stream that fails because the run ends", async () => {
  await using world = new World();
  world.table.changes = async function* ({ signal }): AsyncGenerator<string> {
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    yield "";
  };
  await world.begin();
  await world.end();
  assertEquals([world.run.fate, world.take()], ["resolved", []]);
});

Deno.test("Supervisor sees changes of a table without changes() at the next pass", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.table.delete("a");
  world.table.set("b");
  await world.time.pass(59_999);
  assertEquals(world.supervisor.keys(), ["a"]);
  await world.time.pass(1);
  assertEquals(world.supervisor.keys(), ["b"]);
});

Deno.test("Supervisor does not look at what a stream announces after its signal has aborted", async () => {
  await using world = new World();
  world.table.changes = async function* ({ signal }) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    yield "a";
    yield undefined;
  };
  await world.begin();
  await world.end();
  assertEquals([world.table.looks, world.table.iterations, world.run.fate], [[], 1, "resolved"]);
});
