import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ProcessElsewhereError, ProcessNotFoundError } from "@pact/supervisor";
import { settle, World } from "./fixtures/mod.ts";

const elsewhere = new ProcessElsewhereError("a", { id: "s-1", info: { url: "https://two.example" } });
const moved = { cause: "moved", error: elsewhere } as const;
const oops = new Error("oops");

for (const operation of ["start", "ensure", "restart"] as const) {
  Deno.test(`Supervisor.${operation}() of a key that lives elsewhere rejects with what the table says of it`, async () => {
    await using world = new World();
    world.table.absence = (key) => key === "a" ? moved : undefined;
    await world.begin();
    assertStrictEquals(await assertRejects(() => world.supervisor[operation]("a")), elsewhere);
    await assertRejects(() => world.supervisor[operation]("b"), ProcessNotFoundError, "the table has no such key");
    assertEquals(world.take(), []);
  });
}

Deno.test("Supervisor asks why an entry is absent right after get() has said so, and for no entry that is there", async () => {
  const asked: string[] = [];
  await using world = new World({ a: {}, b: {} });
  world.table.absence = (key) => {
    asked.push(`${key} after ${world.table.looks.at(-1)}`);
    return undefined;
  };
  await world.begin();
  world.table.set("b");
  world.table.delete("a");
  await settle();
  assertEquals(asked, ["a after a"]);
});

Deno.test("Supervisor announces a key as moved that lives elsewhere now, and as deleted one that is gone", async () => {
  await using world = new World({ a: {}, b: {} });
  world.table.absence = (key) => key === "a" ? moved : undefined;
  await world.begin();
  world.take();
  world.table.delete("a");
  world.table.delete("b");
  await settle();
  assertEquals(world.take().filter((event) => event.includes("removed")), ["a removed moved", "b removed"]);
  assertEquals(world.journal.of("removed").map(({ cause }) => cause), ["moved", "deleted"]);
});

Deno.test("Supervisor says of a key that a pass misses where it has gone", async () => {
  await using world = new World({ a: {} }, { announces: false });
  world.table.absence = () => moved;
  await world.begin();
  world.table.rows.delete("a");
  await world.supervisor.reconcile();
  assertEquals(world.journal.of("removed").map(({ cause }) => cause), ["moved"]);
});

Deno.test("Supervisor stops nothing because the table fails to say why an entry is absent, and tells of that", async () => {
  await using world = new World({ a: {} });
  world.table.absence = () => {
    throw oops;
  };
  await world.begin();
  world.take();
  world.table.delete("a");
  await settle();
  assertEquals([world.take(), world.supervisor.keys()], [["table-failed get oops"], ["a"]]);
});

Deno.test("Supervisor takes a promise in place of an absence for a failure of the look, and handles its rejection", async () => {
  await using world = new World({ a: {} });
  world.table.absence = () => Promise.reject(oops) as never;
  await world.begin();
  world.take();
  world.table.delete("a");
  await settle();
  const told = 'Cannot use the absence of "a": it must not be a promise, current value is [object Promise]';
  assertEquals([world.take(), world.supervisor.keys()], [[`table-failed get ${told}`], ["a"]]);
  await assertRejects(() => world.supervisor.restart("a"), TypeError, told);
});

Deno.test("Supervisor.start() of a key whose lease is refused rejects with what the table says of it", async () => {
  const build = () => ({ run: () => Promise.resolve() });
  for (const [absence, error] of [[moved, elsewhere], [undefined, undefined]]) {
    await using world = new World();
    world.table.set("a", { build, lease: () => undefined });
    world.table.absence = () => absence as typeof moved;
    await world.begin();
    const rejected = await assertRejects(() => world.supervisor.start("a"));
    if (error) assertStrictEquals(rejected, error);
    else assertEquals((rejected as Error).name, "ProcessNotFoundError");
  }
});

Deno.test("Supervisor.start() of a key whose lease is refused rejects with what the table throws when it is to say why", async () => {
  await using world = new World();
  world.table.set("a", { build: () => ({ run: () => Promise.resolve() }), lease: () => undefined });
  world.table.absence = () => {
    throw oops;
  };
  await world.begin();
  assertStrictEquals(await assertRejects(() => world.supervisor.start("a")), oops);
});
