import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { MapTable, nop, Supervisor, SupervisorNotRunningError, type Table } from "@pact/supervisor";
import { Cluster } from "@pact/supervisor/cluster";
import { KvTable } from "@pact/supervisor/kv";
import { settle, World } from "./fixtures/mod.ts";

/** Whatever a caller without types may give. */
// deno-lint-ignore no-explicit-any
type Anything = any;

const noTables: [string, Anything][] = [
  ["nothing", undefined],
  ["null", null],
  ["a Map", new Map()],
  ["an array", []],
  ["a string", "table"],
  ["an object that is not iterable", { get: () => Promise.resolve(undefined) }],
  ["an object without get", { async *[Symbol.asyncIterator]() {} }],
  ["an object without a prototype", Object.create(null)],
  ["a symbol", Symbol("table")],
];
for (const [title, table] of noTables) {
  Deno.test(`new Supervisor() throws TypeError at ${title} in place of a table`, () => {
    assertThrows(() => new Supervisor(table), TypeError, "Cannot make a supervisor: a table has");
  });
}

for (
  const [title, options] of [["null", null], ["a number", 5], ["a text", "x"], ["a function", () => {}]] as [
    string,
    Anything,
  ][]
) {
  Deno.test(`a supervisor, a table and a cluster name ${title} in place of options`, async () => {
    using kv = await Deno.openKv(":memory:");
    const wrong = (of: string) => `Cannot use the options of ${of}: they must be an object, current value is`;
    assertThrows(() => new Supervisor(new MapTable(), options), TypeError, wrong("a supervisor"));
    assertThrows(() => new KvTable(kv, options), TypeError, wrong("a table"));
    assertThrows(() => new Cluster(kv, options), TypeError, wrong("a cluster"));
  });
}

const noKeys: [string, Anything][] = [
  ["undefined", undefined],
  ["null", null],
  ["NaN", NaN],
  ["an object", {}],
  ["an array", ["a"]],
  ["a symbol", Symbol("key")],
  ["a function", () => {}],
];
for (const operation of ["start", "ensure", "restart", "stop"] as const) {
  for (const [title, key] of noKeys) {
    Deno.test(`Supervisor.${operation}() rejects with TypeError at ${title} in place of a key`, async () => {
      await using world = new World();
      await world.begin();
      await assertRejects(() => world.supervisor[operation](key) as Promise<unknown>, TypeError, "as a key");
    });
  }
}

for (const [title, key] of noKeys) {
  Deno.test(`Supervisor fails only the entry whose key is ${title}`, async () => {
    await using world = new World({ a: {} });
    const rows = world.table[Symbol.asyncIterator].bind(world.table);
    world.table[Symbol.asyncIterator] = async function* () {
      yield { key, get: () => nop } as Anything;
      yield* rows();
    };
    await world.begin();
    const [failed] = world.journal.of("entry-failed");
    assertEquals([failed.key, failed.error instanceof TypeError, world.supervisor.keys()], [key, true, ["a"]]);
  });

  Deno.test(`Supervisor bears a table that announces ${title} as a key`, async () => {
    await using world = new World({ a: {} });
    await world.begin();
    world.table.announce(key);
    await settle();
    assertEquals(world.supervisor.keys(), ["a"]);
  });
}

for (const callback of [undefined, null, 5, {}, Symbol("callback")] as Anything[]) {
  Deno.test(`Supervisor.run() rejects with TypeError at ${String(callback)} in place of a callback`, async () => {
    await using world = new World({ a: {} });
    await assertRejects(() => world.supervisor.run(callback), TypeError, "Cannot run the supervisor");
    assertEquals(world.bot("a"), undefined);
  });
}

for (const listener of [undefined, null, 5, {}, Object.create(null), Symbol("listener")] as Anything[]) {
  const title = typeof listener === "object" && listener ? Deno.inspect(listener) : String(listener);
  Deno.test(`Supervisor.subscribe() throws TypeError at ${title} in place of a listener`, async () => {
    await using world = new World();
    assertThrows(() => world.supervisor.subscribe(listener), TypeError, "Cannot subscribe");
  });
}

const whenNotRunning: [string, (world: World) => Promise<unknown>, string][] = [
  ["start", (world) => world.supervisor.start("a"), 'start process "a"'],
  ["ensure", (world) => world.supervisor.ensure("a"), 'ensure process "a"'],
  ["restart", (world) => world.supervisor.restart("a"), 'restart process "a"'],
  ["reconcile", (world) => world.supervisor.reconcile(), "reconcile"],
];
for (const [name, call, operation] of whenNotRunning) {
  Deno.test(`Supervisor.${name}() rejects with SupervisorNotRunningError before the run`, async () => {
    await using world = new World({ a: {} });
    const error = await assertRejects(() => call(world), SupervisorNotRunningError);
    assertEquals([error.operation, error.message], [operation, `Cannot ${operation}: the supervisor is not running`]);
  });

  Deno.test(`Supervisor.${name}() rejects with SupervisorNotRunningError during the shutdown`, async () => {
    await using world = new World({ a: { lingers: true } });
    await world.begin();
    await world.leave();
    await assertRejects(() => call(world), SupervisorNotRunningError);
  });

  Deno.test(`Supervisor.${name}() rejects with SupervisorNotRunningError after the run`, async () => {
    await using world = new World({ a: {} });
    await world.supervisor.run(() => {});
    await assertRejects(() => call(world), SupervisorNotRunningError);
  });
}

Deno.test("Supervisor.start() rejects and the key is retried when a factory throws", async () => {
  await using world = new World();
  const factory = () => {
    throw new Error("no config");
  };
  const supervisor = new Supervisor(new MapTable([["a", factory]]));
  supervisor.subscribe(world.journal.listener as Anything);
  await supervisor.run(async () => {
    assertEquals(supervisor.snapshot().counts, { retrying: 1 });
    await assertRejects(() => supervisor.start("a"), Error, "no config");
  });
});

Deno.test("Supervisor bears a runnable that throws instead of rejecting", async () => {
  await using world = new World();
  const run = () => {
    throw new Error("not async");
  };
  world.table.set("a", { build: () => ({ run }) });
  await world.begin();
  assertEquals(world.take()[1], "a exited starting failed not async 0");
});

Deno.test("Supervisor bears a table whose iterator cannot be had", async () => {
  await using world = new World({ a: {} });
  const table: Table<string, Anything> = world.table;
  table[Symbol.asyncIterator] = () => {
    throw new Error("no cursor");
  };
  await world.begin();
  assertEquals([world.take(), world.callbacks], [["table-failed iterate no cursor"], 1]);
});
