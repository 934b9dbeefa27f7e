import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { InvalidSpecError, KvTable, type SpecSchema } from "../../src/kv/mod.ts";
import { nop } from "../../src/process/compose.ts";
import { denyAfterLanding, failWith, FaultyKv, hang, holdReply, holdUntil } from "../../src/testing/mod.ts";
import { type ConditionedTable, parked, testConditions } from "../table/conditions_tests.ts";
import { turn } from "../../src/clock.ts";
import { watch } from "../supervisor/fixtures/mod.ts";
import { botTable } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

testConditions("KvTable", async (clock) => {
  const kv = await Deno.openKv(":memory:");
  const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: unknown, _key: string) => nop, clock });
  const opened = { table: table as unknown as ConditionedTable, one: { url: "one" }, two: { url: "two" } };
  return {
    ...opened,
    [Symbol.asyncDispose]() {
      kv.close();
      return Promise.resolve();
    },
  };
});

async function entryOf(table: ReturnType<typeof botTable<unknown>>, key: string) {
  const entry = await table.get(key);
  if (!entry) throw new Error(`the table has no ${key}`);
  return entry;
}

Deno.test("KvTable: a look is one call, and a pass lists pauses and troubles once", async () => {
  using kv = new FaultyKv(await Deno.openKv(":memory:"));
  const table = botTable(kv, { batchSize: 2 });
  for (const key of ["a", "b", "c", "d"]) await table.set(key, 1);
  await table.get("a");
  assertEquals([kv.count("getMany"), kv.count("get"), kv.count("list")], [1, 0, 0]);
  await Array.fromAsync(table);
  assertEquals([kv.count("getMany"), kv.count("get"), kv.count("list")], [1, 0, 3 + 2]);
});

Deno.test("KvTable: another table on the database sees a pause and a trouble", async () => {
  using kv = await Deno.openKv(":memory:");
  const [one, two] = [botTable(kv), botTable(kv)];
  await one.set("a", 1);
  await one.pause("a");
  await one.report(await entryOf(one, "a"), parked);
  const entry = await entryOf(two, "a");
  assertEquals([entry.pause !== undefined, entry.trouble], [true, parked]);
});

Deno.test("KvTable: a report under a claim that is gone is dropped, and so is the end of a trouble", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  await table.set("a", 1);
  const entry = await entryOf(table, "a");
  const { versionstamp } = await kv.set(["claim"], 1);
  const claim = { check: { key: ["claim"], versionstamp } };
  await table.report(entry, { ...parked, failures: 1 }, { claim, session: "s" });
  assertEquals(await table.trouble("a"), { ...parked, failures: 1, session: "s" });
  await kv.set(["claim"], 2);
  await table.report(entry, parked, { claim });
  await table.report(entry, undefined, { claim });
  assertEquals(await table.trouble("a"), { ...parked, failures: 1, session: "s" });
});

Deno.test("KvTable: records beside an entry that cannot be understood count as none", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  await table.set("a", 1);
  const { version } = await entryOf(table, "a");
  const at = (kind: string, ...rest: Deno.KvKey) => ["@pact/supervisor", '["bots"]', kind, ...rest];
  const odd = [null, 5, {}, { format: 9 }, { at: "now" }, { version, trouble: {} }, {
    version,
    trouble: { ...parked, state: "?" },
  }];
  for (const value of odd) {
    await kv.set(at("pause", "a"), value);
    await kv.set(at("pause", new Uint8Array()), value);
    await kv.set(at("trouble", "a"), value);
    const [listed] = await Array.fromAsync(table);
    for (const { pause, trouble } of [await entryOf(table, "a"), listed]) {
      assertEquals([pause, trouble], [undefined, undefined]);
    }
    assertEquals([await Array.fromAsync(table.pauses()), await Array.fromAsync(table.troubles())], [[], []]);
  }
  await kv.set(at("pause", "a"), { format: 2, at: 5, reason: 7, new: "field" });
  assertEquals((await entryOf(table, "a")).pause, { at: 5 });
});

Deno.test("KvTable.delete() and remove() leave nothing of the key", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  const rest = async () => {
    const rows = await Array.fromAsync(kv.list({ prefix: [] }));
    return rows.map(({ key }) => key).filter((key) => !key.includes("log") && !key.includes("generation"));
  };
  for (const remove of [() => table.delete("a"), () => table.remove(kv.atomic(), "a").commit()]) {
    await table.set("a", 1);
    await table.pause("a");
    await table.report(await entryOf(table, "a"), parked);
    assertEquals((await rest()).length, 3);
    await remove();
    assertEquals(await rest(), []);
  }
});

Deno.test("KvTable.troubles() that are not checked cost no look at the entries, and name some that are gone", async () => {
  using kv = new FaultyKv(await Deno.openKv(":memory:"));
  const table = botTable(kv), keys = ["a", "b", "c"];
  for (const key of keys) {
    await table.set(key, 1);
    await table.report(await entryOf(table, key), parked);
  }
  await table.set("b", 2);
  await kv.delete(["bots", "c"]);
  const listed = async (checked?: boolean) => {
    const before = kv.count("getMany");
    const found = (await Array.fromAsync(table.troubles({ checked }))).map(({ key }) => key);
    return [found, kv.count("getMany") - before];
  };
  assertEquals(await listed(false), [keys, 0]);
  const [checked, reads] = await listed(true);
  assertEquals([checked, reads === 0, (await listed())[0]], [["a"], false, ["a"]]);
});

Deno.test("KvTable.update() loses nothing that is written at the same moment", async () => {
  using kv = await Deno.openKv(":memory:");
  const tables = [botTable<number>(kv), botTable<number>(kv), botTable<number>(kv)];
  const count = (table: typeof tables[number]) => table.update("a", (spec) => (spec ?? 0) + 1);
  const counts = Array.from({ length: 60 }, (_, index) => count(tables[index % 3]));
  assertEquals(new Set(await Promise.all(counts)), new Set([true]));
  assertEquals((await kv.get(["bots", "a"])).value, 60);
});

Deno.test("KvTable.update() takes a change for made whose reply was lost", async () => {
  using kv = new FaultyKv(await Deno.openKv(":memory:"));
  const table = botTable<number>(kv);
  await table.set("a", 1);
  kv.inject("commit", denyAfterLanding());
  assertEquals(await table.update("a", (spec) => spec! + 1), true);
  assertEquals((await kv.get(["bots", "a"])).value, 2);
  kv.inject("commit", denyAfterLanding());
  assertEquals([await table.pause("a"), await table.pause("a")], [true, false]);
});

Deno.test("KvTable.update() tells of no key by undefined, and leaves it then", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable<unknown>(kv);
  const given: unknown[] = [];
  const look = (spec: unknown) => void given.push(spec);
  assertEquals(await table.update("a", look as () => undefined), false);
  await table.set("a", null);
  assertEquals(await table.update("a", look as () => undefined), false);
  assertEquals(given, [undefined, null]);
});

const numbers: SpecSchema<string, number> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => typeof value === "number" ? { value: `${value}` } : { issues: [{ message: "no number" }] },
  },
};
const slow: SpecSchema<number> = {
  "~standard": { version: 1, vendor: "test", validate: (value) => Promise.resolve({ value: value as number }) },
};

Deno.test("KvTable.update() gets and gives what the schema takes, and refuses what that refuses", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: string, _key: string) => nop, schema: numbers });
  await table.set("a", 1);
  await assertRejects(() => table.update("a", () => "two" as never), InvalidSpecError, "no number");
  assertEquals(await table.update("a", (spec) => spec! + 1), true);
  assertEquals(await (await table.get("a"))?.spec(), "2");
});

Deno.test("KvTable.update() refuses what is no function and a promise, and tells what the function throws", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable<number>(kv);
  await assertRejects(
    () => table.update("a", 5 as never),
    TypeError,
    'Cannot update entry "a": the change is a function',
  );
  const waiting = () => table.update("a", (() => Promise.reject(new Error("late"))) as never);
  await assertRejects(waiting, TypeError, 'Cannot update entry "a": the change must not wait');
  const failing = () =>
    table.update("a", () => {
      throw new Error("oops");
    });
  await assertRejects(failing, Error, "oops");
  await assertRejects(() => table.update(NaN, () => 1), TypeError, "Cannot use NaN as a key");
  assertEquals(await Array.fromAsync(kv.list({ prefix: [] })), []);
});

Deno.test("KvTable.write() and remove() join a transaction, all of it is announced, and another history is not suspected", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable<number>(kv), other = botTable<number>(kv);
  await table.set("c", 1);
  const changes = table.changes({ signal: new AbortController().signal })[Symbol.asyncIterator]();
  const first = changes.next();
  await Array.fromAsync(table);
  const atomic = kv.atomic().set(["customers", "a"], "Acme");
  other.remove(table.write(other.write(atomic, "a", 1), "b", 2), "c");
  assert((await atomic.commit()).ok);
  const heard = [(await first).value, (await changes.next()).value, (await changes.next()).value];
  await table.set("d", 4); // the log is read on from there
  assertEquals([...heard, (await changes.next()).value].sort(), ["a", "b", "c", "d"]);
  await changes.return?.();
  assertEquals((await Array.fromAsync(table)).map(({ key }) => key), ["a", "b", "d"]);
});

Deno.test("KvTable.write() refuses what the schema refuses, and a schema that answers with a promise, before anything is added", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: string, _key: string) => nop, schema: numbers });
  const waiting = new KvTable(kv, { prefix: ["bots"], create: (_spec: number, _key: string) => nop, schema: slow });
  const atomic = kv.atomic();
  assertThrows(() => table.write(atomic, "a", "1" as never), InvalidSpecError, "no number");
  assertThrows(
    () => waiting.write(atomic, "a", 1),
    TypeError,
    'Cannot write entry "a": its schema must answer at once',
  );
  assert((await atomic.commit()).ok);
  assertEquals(await Array.fromAsync(kv.list({ prefix: [] })), []);
});

Deno.test("KvTable.pause() that takes longer than the pause lasts ends the pause before it all the same", async () => {
  using kv = new FaultyKv(await Deno.openKv(":memory:"));
  const clock = new ManualClock(), table = botTable(kv, { clock });
  await table.set("a", 1);
  for (const reason of [undefined, "for ever"]) {
    if (reason) await table.pause("a", { reason });
    const gate = Promise.withResolvers<void>();
    kv.inject("getMany", holdUntil(gate.promise));
    const pausing = table.pause("a", { untilAt: clock.now() + 10 });
    clock.advance(20);
    gate.resolve();
    assertEquals([await pausing, (await table.get("a"))?.pause], [true, undefined]);
  }
});

/** Fills a table with keys that are parked. */
async function openParked(kv: FaultyKv, count: number) {
  const table = botTable(kv);
  for (const key of Array.from({ length: count }, (_, n) => `k${n}`)) {
    await table.set(key, 1);
    await table.report(await entryOf(table, key), parked);
  }
  return table;
}

Deno.test("KvTable.restartAll() restarts 16 keys at a time: a remote database takes its time for each", async () => {
  using kv = new FaultyKv(await Deno.openKv(":memory:"));
  const table = await openParked(kv, 40), before = kv.count("commit");
  const gate = Promise.withResolvers<void>();
  kv.inject("commit", holdReply(gate.promise), 40);
  const restarting = table.restartAll({ state: "parked" });
  while (kv.count("commit") < before + 16) await turn();
  for (let turns = 0; turns < 20; turns++) await turn();
  assertEquals(kv.count("commit"), before + 16);
  gate.resolve();
  assertEquals([await restarting, kv.count("commit"), await table.restartAll({ state: "parked" })], [
    40,
    before + 40,
    0,
  ]);
});

Deno.test("KvTable.restartAll() that fails at one key restarts no more of them, and ends when all that was begun has", async () => {
  using kv = new FaultyKv(await Deno.openKv(":memory:"));
  const table = await openParked(kv, 40), before = kv.count("commit");
  const oops = new Error("oops"), gate = Promise.withResolvers<void>();
  kv.inject("commit", failWith(oops));
  kv.inject("commit", holdReply(gate.promise), 40);
  const restarting = watch(table.restartAll({ state: "parked" }));
  while (kv.count("commit") < before + 16) await turn();
  for (let turns = 0; turns < 20; turns++) await turn();
  assertEquals([restarting.fate, kv.count("commit")], ["pending", before + 16]);
  gate.resolve();
  while (restarting.fate === "pending") await turn();
  assertStrictEquals(restarting.error, oops);
  assertEquals(await table.restartAll({ state: "parked" }), 40 - 15);
});

Deno.test("KvTable: every new method rejects with the reason of its signal", async () => {
  using kv = new FaultyKv(await Deno.openKv(":memory:"), {
    decide: (operation) => operation === "list" ? undefined : hang(),
  });
  const table = botTable<number>(kv, { clock: new ManualClock() });
  const calls: ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => table.update("a", () => 1, { signal }),
    (signal) => table.restart("a", { signal }),
    (signal) => table.restartAll({ state: "parked", signal }),
    (signal) => table.pause("a", { signal }),
    (signal) => table.resume("a", { signal }),
    (signal) => table.pauseAll({ signal }),
    (signal) => table.resumeAll({ signal }),
    (signal) => Array.fromAsync(table.pauses({ signal })),
    (signal) => table.trouble("a", { signal }),
    (signal) => Array.fromAsync(table.troubles({ signal })),
  ];
  const reason = new Error("enough");
  for (const call of calls) {
    assertEquals(await call(AbortSignal.abort(reason)).catch((error) => error), reason);
    const controller = new AbortController();
    const called = call(controller.signal).catch((error) => error);
    controller.abort(reason);
    assertEquals(await called, reason, call.toString());
  }
});

Deno.test("KvTable: options of a key are asked with its spec, and the schema once for a start", async () => {
  using kv = await Deno.openKv(":memory:");
  let validations = 0;
  const counting: SpecSchema<number> = {
    "~standard": { version: 1, vendor: "test", validate: (value) => ({ value: (validations++, value as number) }) },
  };
  const options = (spec: number, key: string) => ({ stopTimeoutMs: spec, restart: { limit: key.length } });
  const create = (_spec: number, _key: string) => nop;
  const table = new KvTable(kv, { prefix: ["bots"], create, options, schema: counting });
  await table.set("acme", 5);
  validations = 0;
  const entry = await table.get("acme");
  assertEquals(await entry?.options?.(), { stopTimeoutMs: 5, restart: { limit: 4 } });
  await entry?.get();
  assertEquals(validations, 1);
  await entry?.get();
  assertEquals(validations, 2);
  assertEquals((await botTable(kv).get("acme"))?.options, undefined);
  const wrong = { prefix: ["bots"], create, options: 5 as never };
  assertThrows(() => new KvTable(kv, wrong), TypeError, "Cannot use the option options: it must be a function");
});

Deno.test("KvTable.write() of very many keys at once has everything looked at", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable<number>(kv);
  const changes = table.changes({ signal: new AbortController().signal })[Symbol.asyncIterator]();
  const first = changes.next();
  await Array.fromAsync(table);
  let atomic = kv.atomic();
  for (let i = 0; i < 32; i++) atomic = table.write(atomic, `${i}`.repeat(800), i);
  assert((await atomic.commit()).ok);
  assertEquals((await first).value, undefined);
  await changes.return?.();
});
