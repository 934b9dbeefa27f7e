import { assertEquals, assertRejects } from "@std/assert";
import { KvClosedError, KvTimeoutError } from "../../src/kv/mod.ts";
import { failWith, FaultyKv, holdUntil } from "../../src/testing/mod.ts";
import { type BotOptions, botTable, keysOf, never, openFile, settle } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

const pollMs = 200;
const end = { done: true, value: undefined };
const value = (key: unknown) => ({ done: false, value: key });

/** Two tables on one database, a reader of the changes of the first, and a clock that moves by hand. */
async function open(options: BotOptions<unknown> = {}) {
  const kv = new FaultyKv(await Deno.openKv(":memory:"));
  const clock = new ManualClock();
  const controller = new AbortController();
  const table = botTable(kv, { clock, ...options });
  const changes = table.changes({ signal: controller.signal })[Symbol.asyncIterator]();
  return {
    kv,
    clock,
    controller,
    table,
    changes,
    other: botTable(kv, options),
    /** Takes the next change once the feed has found the end of the log and waits for its next poll. */
    async established() {
      const waiting = changes.next();
      await clock.armed(pollMs);
      return { waiting };
    },
    async [Symbol.asyncDispose]() {
      await changes.return?.();
      kv.close();
    },
  };
}

/** As `open`, but the watch fails at once: only polls and own writes are left. */
async function openBlind(options: BotOptions<unknown> = {}) {
  const opened = await open(options);
  opened.kv.inject("watch", failWith(new Error("no watch")));
  return opened;
}

Deno.test("KvTable.changes() names what the table itself sets and deletes, without waiting for a poll", async () => {
  await using opened = await openBlind();
  const { table, changes } = opened;
  const { waiting } = await opened.established();
  await table.set("a", 1);
  assertEquals(await waiting, value("a"));
  await table.delete("a");
  assertEquals(await changes.next(), value("a"));
});

Deno.test("KvTable.changes() looks once for a write of its own, and names it once", async () => {
  await using opened = await openBlind();
  const { kv, clock, table, other, changes } = opened;
  const { waiting } = await opened.established();
  await table.set("a", 1);
  assertEquals(await waiting, value("a"));
  await settle();
  assertEquals([kv.count("get"), clock.pending], [1, 1]); // the end of the log: the write tells its own versionstamp
  const next = changes.next();
  await other.set("b", 1);
  clock.advance(pollMs);
  assertEquals(await next, value("b"));
});

Deno.test("KvTable.changes() looks again for a write of its own that lands during a look", async () => {
  await using opened = await openBlind();
  const { kv, table, changes } = opened;
  const { waiting } = await opened.established();
  const [read, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  kv.inject("list", async (call) => {
    const rows = await call();
    read.resolve();
    await gate.promise;
    return rows;
  });
  await table.set("a", 1);
  await read.promise;
  await table.set("b", 1);
  gate.resolve();
  assertEquals([await waiting, await changes.next()], [value("a"), value("b")]);
});

Deno.test("KvTable.changes() does not name what was written before the first next()", async () => {
  await using opened = await openBlind();
  const { table, changes } = opened;
  await table.set("a", 1);
  const { waiting } = await opened.established();
  await table.set("b", 1);
  assertEquals(await waiting, value("b"));
  await table.set("c", 1);
  assertEquals(await changes.next(), value("c"));
});

Deno.test("KvTable.changes() finds what others write with the next poll", async () => {
  await using opened = await openBlind();
  const { clock, other, changes } = opened;
  const { waiting } = await opened.established();
  for (const key of ["a", "b", "a"]) await other.set(key, 1);
  clock.advance(pollMs);
  assertEquals([await waiting, await changes.next()], [value("a"), value("b")]);
});

Deno.test("KvTable.changes() polls every 200 ms by default and reads the log only when the generation moved", async () => {
  await using opened = await openBlind();
  const { kv, clock } = opened;
  await opened.established();
  for (let i = 1; i <= 3; i++) {
    clock.advance(pollMs - 1);
    await settle();
    assertEquals(kv.count("get"), i);
    clock.advance(1);
    await clock.armed(pollMs);
  }
  assertEquals([kv.count("get"), kv.count("list")], [4, 0]);
});

Deno.test("KvTable.changes() hears of others by the watch, without a poll", async () => {
  await using opened = await open();
  const { other, changes } = opened;
  const { waiting } = await opened.established();
  await other.set("a", 1);
  assertEquals(await waiting, value("a"));
  await other.set("b", 1);
  assertEquals(await changes.next(), value("b"));
});

Deno.test("KvTable.changes() goes on polling when the watch is cut", async () => {
  await using opened = await open();
  const { kv, clock, other, changes } = opened;
  const { waiting } = await opened.established();
  await other.set("a", 1);
  assertEquals(await waiting, value("a"));
  kv.cutWatches(new Error("cut"));
  await settle();
  await other.set("b", 1);
  const next = changes.next();
  clock.advance(pollMs);
  assertEquals(await next, value("b"));
});

Deno.test("KvTable.changes() sees the writes of another handle on the file", async () => {
  await using file = await openFile(2);
  const [one, other] = file.kvs.map((kv) => botTable(kv, { pollMs: 1 }));
  const controller = new AbortController();
  const changes = one.changes({ signal: controller.signal })[Symbol.asyncIterator]();
  const waiting = changes.next();
  await keysOf(one);
  await other.set("a", 1);
  assertEquals(await waiting, value("a"));
  await changes.return?.();
});

Deno.test("KvTable.changes() names what its own table writes while the end of the log is being found", async () => {
  await using opened = await openBlind();
  const { kv, table, changes } = opened;
  const gate = Promise.withResolvers<void>();
  kv.inject("get", holdUntil(gate.promise));
  const waiting = changes.next();
  await table.set("a", 1);
  gate.resolve();
  assertEquals(await waiting, value("a"));
});

Deno.test("KvTable iteration waits while changes() is finding the end of the log", async () => {
  await using opened = await openBlind();
  const { kv, table, other, changes } = opened;
  const gate = Promise.withResolvers<void>();
  kv.inject("get", holdUntil(gate.promise));
  void changes.next();
  const listing = keysOf(table);
  await settle();
  assertEquals(kv.count("list"), 0);
  await other.set("a", 1);
  gate.resolve();
  assertEquals(await listing, ["a"]);
});

Deno.test("KvTable iteration does not wait for changes() that fail or end", async () => {
  await using opened = await openBlind();
  const { kv, controller, table, changes } = opened;
  kv.inject("get", holdUntil(never));
  const waiting = changes.next();
  const listing = keysOf(table);
  controller.abort();
  assertEquals([await listing, await waiting], [[], end]);
  const failing = table.changes({ signal: new AbortController().signal })[Symbol.asyncIterator]();
  kv.inject("get", failWith(new Error("broken")));
  const rejected = assertRejects(() => failing.next(), Error, "broken");
  assertEquals(await keysOf(table), []);
  await rejected;
});

Deno.test("KvTable.changes() says undefined when the log was collected", async () => {
  await using opened = await openBlind();
  const { kv, clock, other, changes } = opened;
  const { waiting } = await opened.established();
  await other.set("a", 1);
  for await (const { key } of kv.list({ prefix: ["@pact/supervisor", '["bots"]', "log"] })) await kv.delete(key);
  clock.advance(pollMs);
  assertEquals(await waiting, value(undefined));
  const next = changes.next();
  await other.set("b", 1);
  clock.advance(pollMs);
  assertEquals(await next, value("b"));
});

for (const [pauseMs, expected] of [[1_800_000, "a"], [1_800_001, undefined]] as const) {
  Deno.test(`KvTable.changes() says ${expected} when the log was last read ${pauseMs} ms ago`, async () => {
    await using opened = await openBlind();
    const { clock, other } = opened;
    const { waiting } = await opened.established();
    await other.set("a", 1);
    clock.advance(pauseMs);
    assertEquals(await waiting, value(expected));
  });
}

const clocks: [what: string, passedMs: number, wallAheadMs: number, expected: string | undefined][] = [
  ["the wall clock was set forward", 200, 1_800_000, undefined],
  ["the machine has slept", 200, 86_400_000, undefined],
  ["the wall clock was set back meanwhile", 1_800_200, -1_800_000, undefined],
  ["the wall clock was set back by a day", 200, -86_400_000, "a"],
];

for (const [what, passedMs, wallAheadMs, expected] of clocks) {
  Deno.test(`KvTable.changes() says ${expected} when ${what} since the log was last read`, async () => {
    await using opened = await openBlind();
    const { clock, other } = opened;
    const { waiting } = await opened.established();
    await other.set("a", 1);
    clock.wallAheadMs = wallAheadMs;
    clock.advance(passedMs);
    assertEquals(await waiting, value(expected));
  });
}

for (const [count, isNamed] of [[500, true], [501, false]] as const) {
  Deno.test(`KvTable.changes() ${isNamed ? "names" : "does not name"} ${count} changes at once`, async () => {
    await using opened = await openBlind();
    const { clock, other, changes } = opened;
    // The change at the position is read again and does not count.
    await other.set("before", 1);
    const { waiting } = await opened.established();
    for (let i = 0; i < count; i++) await other.set(i, 1);
    clock.advance(pollMs);
    assertEquals(await waiting, value(isNamed ? 0 : undefined));
    for (let i = 1; isNamed && i < count; i++) assertEquals(await changes.next(), value(i));
    // Nothing else comes of them: the position is behind all.
    const next = changes.next();
    await clock.armed(pollMs);
    await other.set("last", 1);
    clock.advance(pollMs);
    assertEquals(await next, value("last"));
  });
}

Deno.test("KvTable.changes() reads only its own log, not that of nested prefixes", async () => {
  await using opened = await openBlind();
  const { kv, clock, table } = opened;
  const nested = [["bots", "log"], ["bots", "log", "f".repeat(20)], ["bots", "generation"]].map((prefix) =>
    botTable(kv, { prefix })
  );
  const { waiting } = await opened.established();
  for (const other of nested) await other.set("foreign", 1);
  clock.advance(pollMs);
  await clock.armed(pollMs);
  await table.set("own", 1);
  assertEquals(await waiting, value("own"));
});

Deno.test("KvTable.changes() rejects once when a look at the log fails, and may be opened again", async () => {
  await using opened = await openBlind();
  const { kv, clock, table, changes } = opened;
  const { waiting } = await opened.established();
  kv.inject("get", failWith(new Error("broken")));
  const rejected = assertRejects(() => waiting, Error, "broken");
  clock.advance(pollMs);
  await rejected;
  assertEquals(await changes.next(), end);
  assertEquals(clock.pending, 0);
  const controller = new AbortController();
  const again = table.changes({ signal: controller.signal })[Symbol.asyncIterator]();
  const next = again.next();
  await table.set("a", 1);
  assertEquals(await next, value("a"));
  await again.return?.();
});

Deno.test("KvTable.changes() rejects when a look at the log takes too long", async () => {
  await using opened = await openBlind();
  const { kv, clock } = opened;
  const { waiting } = await opened.established();
  kv.inject("get", holdUntil(never));
  const rejected = assertRejects(() => waiting, KvTimeoutError, "Cannot read the generation");
  clock.advance(pollMs);
  await clock.armed(10_000);
  clock.advance(10_000);
  await rejected;
  assertEquals(clock.pending, 0);
});

Deno.test("KvTable.changes() rejects when the database is closed", async () => {
  const { kv, changes, ...opened } = await openBlind();
  const { waiting } = await opened.established();
  const rejected = assertRejects(() => waiting, KvClosedError, "Cannot read the generation");
  kv.close();
  opened.clock.advance(pollMs);
  await rejected;
  assertEquals(await changes.next(), end);
});

Deno.test("KvTable.changes() ends on abort while it waits, and leaves nothing behind", async () => {
  await using opened = await open();
  const { clock, controller, table, changes } = opened;
  const { waiting } = await opened.established();
  controller.abort();
  assertEquals([await waiting, await changes.next()], [end, end]);
  assertEquals(clock.pending, 0);
  await table.set("a", 1);
  assertEquals(await changes.next(), end);
});

Deno.test("KvTable.changes() ends on abort while a look at the log hangs", async () => {
  await using opened = await open();
  const { kv, clock, controller } = opened;
  const { waiting } = await opened.established();
  kv.inject("get", holdUntil(never));
  clock.advance(pollMs);
  await clock.armed(10_000);
  controller.abort();
  assertEquals(await waiting, end);
  assertEquals(clock.pending, 0);
});

Deno.test("KvTable.changes() ends with return() while it waits", async () => {
  await using opened = await open();
  const { clock, changes } = opened;
  const { waiting } = await opened.established();
  assertEquals(await changes.return?.(), end);
  assertEquals([await waiting, clock.pending], [end, 0]);
});

Deno.test("KvTable.changes() touches nothing before the first next(), nor when its signal has aborted", async () => {
  await using opened = await open();
  const { kv, clock, table } = opened;
  const changes = table.changes({ signal: AbortSignal.abort() })[Symbol.asyncIterator]();
  assertEquals(await changes.next(), end);
  assertEquals([kv.count("get"), kv.count("watch"), clock.timersSet], [0, 0, 0]);
});

Deno.test("KvTable.changes() names a key again that is written after it was taken", async () => {
  await using opened = await openBlind();
  const { table, changes } = opened;
  let { waiting } = await opened.established();
  for (let i = 0; i < 20; i++) {
    await table.set("a", i);
    assertEquals(await waiting, value("a"));
    waiting = changes.next();
  }
});
