import { assertEquals, assertThrows } from "@std/assert";
import { MapTable, nop } from "@pact/supervisor";
import type { Runnable } from "../../src/process/runnable.ts";
import { type ConditionedTable, parked, testConditions } from "./conditions_tests.ts";

testConditions("MapTable", (clock) => {
  const table = new MapTable<string, Runnable>([], { clock });
  const opened = { table: table as unknown as ConditionedTable, one: nop, two: () => nop };
  return Promise.resolve({ ...opened, [Symbol.asyncDispose]: () => Promise.resolve() });
});

Deno.test("MapTable.update() sets what the function makes of the value, and keeps the options of the key", () => {
  const table = new MapTable<string, Runnable>();
  const options = { stopTimeoutMs: 5 };
  table.set("a", nop, options);
  const other = () => nop;
  assertEquals(table.update("a", (value) => value === nop ? other : undefined), true);
  assertEquals(table.update("a", (value) => value === other ? undefined : nop), false);
  const [entry] = table;
  assertEquals(entry.options?.(), options);
  assertEquals(table.update("b", (value) => value === undefined ? nop : undefined), true);
  assertEquals([...table.keys()], ["a", "b"]);
});

Deno.test("MapTable.update() refuses what is no function and what can be no value, and changes nothing then", () => {
  const table = new MapTable([["a", nop]]);
  const { version } = [...table][0];
  assertThrows(() => table.update("a", 5 as never), TypeError, 'Cannot update entry "a": the change is a function');
  assertThrows(() => table.update("a", () => 5 as never), TypeError, "a value is a runnable or a function");
  assertThrows(() => table.update({} as never, () => nop), TypeError, "as a key");
  assertEquals([...table][0].version, version);
});

Deno.test("MapTable.clear() drops pauses and troubles, and not the pause of the whole table", () => {
  const table = new MapTable([["a", nop]]);
  table.pause("a");
  table.pauseAll();
  table.report([...table][0], parked);
  table.clear();
  table.set("a", nop);
  assertEquals([...table.pauses()].map(({ key }) => key), [undefined]);
  assertEquals([[...table][0].trouble, table.trouble("a")], [undefined, undefined]);
});

Deno.test("new MapTable() refuses a clock that is none", () => {
  const message = "Cannot use the option clock: it must be an object with now, monotonic and timer, current value is 5";
  assertThrows(() => new MapTable([], { clock: 5 as never }), TypeError, message);
});
