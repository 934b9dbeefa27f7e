import { assertEquals } from "@std/assert";
import { settle, World } from "./fixtures/mod.ts";

/** Whatever a table without types may announce. */
// deno-lint-ignore no-explicit-any
type Anything = any;

const oops = new Error("oops");

Deno.test("Supervisor bears a table whose changes cannot be read", async () => {
  await using world = new World({ a: {} }, { announces: false });
  const fail = () => {
    throw oops;
  };
  Object.defineProperty(world.table, "changes", { get: fail });
  await world.begin();
  assertEquals([world.stateOf("a"), world.journal.tellings(oops)], ["running", 1]);
});

const noKeys: [string, Anything][] = [
  ["null", null],
  ["NaN", NaN],
  ["an object", {}],
  ["an array", ["a"]],
  ["a symbol", Symbol("key")],
  ["a function", () => {}],
];
for (const [title, key] of noKeys) {
  Deno.test(`Supervisor takes ${title} that is announced as a key for a failure of the stream, and looks nothing up`, async () => {
    await using world = new World({ a: {} });
    await world.begin();
    world.table.announce(key);
    await settle();
    const failures = world.journal.of("table-failed").map(({ operation }) => operation);
    assertEquals([world.table.looks, failures], [[], ["changes"]]);
  });
}
