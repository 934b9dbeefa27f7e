import { assertEquals } from "@std/assert";
import type { Entry } from "@pact/supervisor";
import { type Bot, settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");
const fail = () => Promise.reject(oops);

Deno.test("Supervisor announces once that the table failed in an iteration", async () => {
  await using world = new World();
  world.table.onIterate = fail;
  await world.begin();
  assertEquals([world.take(), world.callbacks], [["table-failed iterate oops"], 1]);
});

Deno.test("Supervisor keeps what an iteration that failed did not come to", async () => {
  await using world = new World({ a: {}, b: {} }, { announces: false });
  await world.begin();
  world.table.onRow = (key) => key === "b" && fail();
  await world.supervisor.reconcile();
  assertEquals([world.bot("a").runs, world.bot("b").runs, world.table.looks], [1, 1, []]);
});

Deno.test("Supervisor starts what an iteration yielded before it failed", async () => {
  await using world = new World({ a: {}, b: {} });
  world.table.onRow = (key) => key === "b" && fail();
  await world.begin();
  assertEquals(world.supervisor.keys(), ["a"]);
});

Deno.test("Supervisor passes over a table that failed again after a while that grows", async () => {
  await using world = new World();
  world.table.onIterate = fail;
  await world.begin();
  for (const [iterations, delayMs] of [[1, 1_000], [2, 2_000], [3, 4_000]]) {
    await world.time.pass(delayMs - 1);
    assertEquals(world.table.iterations, iterations);
    await world.time.pass(1);
    assertEquals(world.table.iterations, iterations + 1);
  }
});

Deno.test("Supervisor never waits longer than intervalMs to pass over a table that failed", async () => {
  await using world = new World({}, { intervalMs: 1_500 });
  world.table.onIterate = fail;
  await world.begin();
  await world.time.pass(1_000 + 1_500 + 1_500);
  assertEquals(world.table.iterations, 4);
});

Deno.test("Supervisor goes back to intervalMs when the table has recovered", async () => {
  await using world = new World({ a: {} });
  world.table.onIterate = fail;
  await world.begin();
  world.table.onIterate = () => {};
  await world.time.pass(1_000);
  assertEquals([world.table.iterations, world.supervisor.keys()], [2, ["a"]]);
  await world.time.pass(59_999);
  assertEquals(world.table.iterations, 2);
});

Deno.test("Supervisor confirms with table.get() that an entry is gone before it stops the process", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  const rows = world.table[Symbol.asyncIterator].bind(world.table);
  world.table[Symbol.asyncIterator] = async function* () {
    for await (const entry of rows()) if (entry.key !== "a") yield entry; // it skips a row that is there
  };
  await world.supervisor.reconcile();
  assertEquals([world.table.looks, world.bot("a").runs, world.supervisor.keys()], [["a"], 1, ["a"]]);
});

Deno.test("Supervisor stops nothing when the look that would confirm it fails", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.table.delete("a");
  world.table.onLook = fail;
  await world.supervisor.reconcile();
  await settle();
  assertEquals([world.take().at(-1), world.stateOf("a")], ["table-failed get oops", "running"]);
});

Deno.test("Supervisor makes a pass soon when a look has failed", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.table.onLook = fail;
  world.table.set("b");
  await world.time.pass(999);
  assertEquals(world.supervisor.keys(), ["a"]);
  await world.time.pass(1);
  assertEquals(world.supervisor.keys(), ["a", "b"]);
});

Deno.test("Supervisor announces a look that failed for each key", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.take();
  world.table.onLook = fail;
  world.table.announce("a");
  world.table.announce("b");
  await settle();
  assertEquals(world.take(), ["table-failed get oops", "table-failed get oops"]);
});

Deno.test("Supervisor does not put the next pass off because looks go on failing", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  world.table.onLook = fail;
  for (let i = 0; i < 100; i++) {
    world.table.announce("a");
    await world.time.pass(600);
  }
  assertEquals(world.table.iterations >= 5, true);
});

Deno.test("Supervisor grows the time between passes while looks go on failing", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.table.delete("a");
  world.table.onLook = fail;
  watch(world.supervisor.reconcile());
  await world.time.pass(1_000 + 2_000 + 4_000);
  assertEquals(world.table.iterations, 5);
});

Deno.test("Supervisor restarts from a fresh look and tries again when that look fails", async () => {
  await using world = new World({ a: {} }, { announces: false });
  await world.begin();
  world.table.onLook = fail;
  world.bot("a").crash();
  await world.time.pass(1_500);
  assertEquals(world.supervisor.keys(), []);
  world.table.onLook = () => {};
  await world.time.pass(1_500);
  assertEquals(world.supervisor.keys(), ["a"]);
});

for (const [title, answer] of [["null", null], ["a number", 5], ["an empty object", {}]] as const) {
  Deno.test(`Supervisor bears a table whose get() gives ${title}`, async () => {
    await using world = new World({ a: {} });
    await world.begin();
    world.table.get = () => Promise.resolve(answer as unknown as Entry<string, Bot>);
    world.table.announce("b");
    await settle();
    assertEquals([world.journal.events.some(({ type }) => type.endsWith("-failed")), world.stateOf("a")], [
      true,
      "running",
    ]);
  });
}

for (const [title, row] of [["null", null], ["a number", 5]] as const) {
  Deno.test(`Supervisor bears a table that yields ${title}`, async () => {
    await using world = new World({ a: {} });
    await world.begin();
    world.table[Symbol.asyncIterator] = async function* () {
      yield await Promise.resolve(row as unknown as Entry<string, Bot>);
    };
    await world.supervisor.reconcile();
    assertEquals([world.journal.events.some(({ type }) => type.endsWith("-failed")), world.stateOf("a")], [
      true,
      "running",
    ]);
  });
}

Deno.test("Supervisor bears a table whose get() throws at once", async () => {
  await using world = new World();
  await world.begin();
  world.table.get = () => {
    throw oops;
  };
  world.table.announce("a");
  await settle();
  assertEquals(world.take(), ["table-failed get oops"]);
});

for (
  const [title, break_] of [
    ["iterate", (world: World) => world.table.onIterate = () => new Promise(() => {})],
    ["get", (world: World) => world.table.onLook = () => new Promise(() => {})],
    ["changes", (world: World) => {
      world.table.changes = async function* (): AsyncGenerator<string> {
        yield await new Promise<string>(() => {});
      };
    }],
  ] as const
) {
  Deno.test(`Supervisor.run() ends although ${title} of the table never settles, and names it`, async () => {
    await using world = new World();
    break_(world);
    await world.begin();
    world.table.announce("a");
    await world.time.pass(1_000);
    await world.leave();
    await world.time.pass(3_999);
    assertEquals([world.run.fate, world.take()], ["pending", []]);
    await world.time.pass(1);
    const said = `table-failed ${title} Cannot finish shutdown: the table's ${title} did not settle within 4000 ms`;
    assertEquals([world.run.fate, world.take()], ["resolved", [said]]);
  });
}
