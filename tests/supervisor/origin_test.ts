import { assertEquals, assertThrows } from "@std/assert";
import { watch, World } from "./fixtures/mod.ts";

/** A world whose calls come from what the test says. */
async function called(
  rows: ConstructorParameters<typeof World>[0],
  options: ConstructorParameters<typeof World>[1] = {},
): Promise<{ world: World; from: { now: string | undefined }; origins(): unknown[] }> {
  const world = new World(rows, options), from: { now: string | undefined } = { now: undefined };
  world.supervisor.originBy(() => from.now);
  await world.begin();
  const origins = () => world.journal.of("starting").map(({ key, cause, origin }) => [key, cause, origin]);
  return { world, from, origins };
}

Deno.test("Supervisor.originBy() has starting say where the call came from, and nothing of other starts", async () => {
  const { world, from, origins } = await called({ a: {}, b: {} });
  await using _world = world;
  await world.supervisor.stop("a");
  from.now = "request 1";
  await world.supervisor.start("a");
  from.now = "request 2";
  world.bot("b").crash();
  await world.time.pass(2_000);
  assertEquals(origins(), [
    ["a", "restore", undefined],
    ["b", "restore", undefined],
    ["a", "call", "request 1"],
    ["b", "retry", undefined],
  ]);
  assertEquals(world.journal.of("starting").map((event) => "origin" in event), [false, false, true, false]);
});

for (const method of ["start", "ensure", "restart"] as const) {
  Deno.test(`Supervisor.originBy() is asked once in ${method}(), within the call`, async () => {
    const { world, from, origins } = await called({ a: {} });
    await using _world = world;
    if (method !== "restart") await world.supervisor.stop("a");
    from.now = "request";
    const up = world.supervisor[method]("a");
    from.now = "too late";
    await up;
    assertEquals(origins().slice(1), [["a", "call", "request"]]);
  });
}

Deno.test("Supervisor.originBy() tells of the call that caused the start, and not of one that joins it", async () => {
  const { world, from, origins } = await called({ a: { hangs: true } }, { initialWaitMs: 0 });
  await using _world = world;
  watch(world.supervisor.stop("a"));
  from.now = "first";
  const up = watch(world.supervisor.ensure("a"));
  await world.time.pass(0);
  from.now = "second";
  watch(world.supervisor.ensure("a"));
  world.bot("a").up.resolve();
  await world.time.pass(0);
  assertEquals([up.fate, origins().slice(1)], ["resolved", [["a", "call", "first"]]]);
});

Deno.test("Supervisor.originBy() says nothing of a later start when the call had failed before one", async () => {
  const { world, from, origins } = await called({ a: { startError: new Error("oops") } }, { restart: { limit: 1 } });
  await using _world = world;
  from.now = "request";
  watch(world.supervisor.ensure("missing"));
  watch(world.supervisor.ensure("a"));
  await world.time.pass(0);
  from.now = undefined;
  world.table.set("missing", {});
  world.table.announce("missing");
  watch(world.supervisor.ensure("a"));
  await world.time.pass(0);
  assertEquals(origins().slice(1), [
    ["a", "call", "request"],
    ["a", "call", undefined],
    ["missing", "change", undefined],
  ]);
});

Deno.test("Supervisor.originBy() ends when it is disposed of, and does not end a later one", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  const first = world.supervisor.originBy(() => "first");
  const second = world.supervisor.originBy(() => "second");
  first[Symbol.dispose]();
  await world.supervisor.restart("a");
  second[Symbol.dispose]();
  await world.supervisor.restart("a");
  assertEquals(world.journal.of("starting").map(({ origin }) => origin), [undefined, "second", undefined]);
});

Deno.test("Supervisor.originBy() has the call succeed when its function throws", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  const { error } = console, printed: string[] = [];
  console.error = (line: string) => void printed.push(line);
  try {
    world.supervisor.originBy(() => {
      throw new Error("no idea");
    });
    await world.supervisor.restart("a");
  } finally {
    console.error = error;
  }
  assertEquals(printed, ["Cannot tell where a call came from: Error: no idea"]);
});

for (const value of [undefined, null, 5, "request", {}]) {
  Deno.test(`Supervisor.originBy() refuses ${JSON.stringify(value)}, which is no function`, async () => {
    await using world = new World();
    await world.begin();
    assertThrows(() => world.supervisor.originBy(value as never), TypeError, "originBy takes a function");
  });
}
