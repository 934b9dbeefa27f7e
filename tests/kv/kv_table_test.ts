import { assert, assertEquals, assertNotEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type Claim, InvalidSpecError, KvClosedError, KvTable, KvTimeoutError } from "../../src/kv/mod.ts";
import type { KvTableOptions, SpecResult, SpecSchema } from "../../src/kv/mod.ts";
import { nop } from "../../src/process/compose.ts";
import type { Runnable } from "../../src/process/runnable.ts";
import { denyAfterLanding, failLocked, FaultyKv, holdUntil, loseReply } from "../../src/testing/mod.ts";
import { type Bot, botTable, entriesOf, keysOf, never, openFile } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

interface BotSpec {
  readonly url: string;
}

const schema: SpecSchema<BotSpec> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate(value: unknown): SpecResult<BotSpec> {
      const { url } = (value ?? {}) as Partial<BotSpec>;
      if (typeof url === "string") return { value: { url: url.trim() } };
      return { issues: [{ message: "expected a string", path: ["url"] }] };
    },
  },
};

const wrong = { url: 5 } as unknown as BotSpec;

Deno.test("KvTable keeps entries as plain values, one part behind the prefix", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv, { prefix: ["my", "bots"] });
  await table.set("acme", { url: "u" });
  assertEquals((await kv.get(["my", "bots", "acme"])).value, { url: "u" });
  assertEquals([table.kv, table.prefix], [kv, ["my", "bots"]]);
});

Deno.test("KvTable.set() and delete() write entry, change log and generation in one atomic operation", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  await table.set("acme", 1);
  await table.delete("acme");
  const rows = await Array.fromAsync(kv.list<Record<string, unknown>>({ prefix: [] }));
  const log = rows.filter((row) => row.key[2] === "log");
  const generation = rows.find((row) => row.key[2] === "generation");
  const [, nonce] = log.map((row) => row.value.nonce);
  assertEquals(log.map(({ value: { key, keptMs } }) => [key, keptMs]), [["acme", 3_600_000], ["acme", 3_600_000]]);
  assertEquals(generation?.value, { format: 1, nonce });
  assertNotEquals(log[0].value.nonce, nonce, "no two changes have the same");
  assertEquals(log.map((row) => row.key.at(-1)), log.map((row) => row.versionstamp));
  assertEquals(generation?.versionstamp, log[1].versionstamp);
  assertEquals(rows.length, 3);
  await table.set("acme", 2);
  assertEquals((await kv.get(["bots", "acme"])).versionstamp, (await kv.get(generation!.key)).versionstamp);
});

Deno.test("KvTable.set() lets the change log expire after its retention, and nothing else", async () => {
  using kv = await Deno.openKv(":memory:");
  const expiries: [Deno.KvKeyPart | undefined, number | undefined][] = [];
  const atomic = kv.atomic.bind(kv);
  kv.atomic = () => {
    const operation = atomic();
    const set = operation.set.bind(operation);
    operation.set = (key, value, options) => {
      expiries.push([key.length === 4 ? "log" : key.at(-1), options?.expireIn]);
      return set(key, value, options);
    };
    return operation;
  };
  await botTable(kv, { logRetentionMs: 7_000 }).set("acme", 1);
  assertEquals(expiries, [["acme", undefined], ["log", 7_000], ["generation", undefined]]);
});

Deno.test("KvTable.set() and delete() try again while the database is locked", async () => {
  using kv = new FaultyKv(await Deno.openKv(":memory:"));
  const clock = new ManualClock();
  const table = botTable(kv, { clock, random: () => 0.2 });
  for (const write of [() => table.set("acme", 1), () => table.delete("acme")]) {
    kv.inject("commit", failLocked(), 2);
    const landed = write();
    for (const pauseMs of [1, 2]) {
      await clock.armed(pauseMs);
      clock.advance(pauseMs);
    }
    await landed;
  }
  assertEquals([kv.count("commit"), await table.get("acme")], [6, undefined]);
});

Deno.test("KvTable.set() may be repeated when the reply was lost", async () => {
  using kv = new FaultyKv(await Deno.openKv(":memory:"));
  const table = botTable(kv);
  kv.inject("commit", loseReply(new TypeError("connection reset")));
  await assertRejects(() => table.set("acme", 1), TypeError, "connection reset");
  assertEquals(await keysOf(table), ["acme"]);
  kv.inject("commit", denyAfterLanding());
  await table.set("acme", 2);
  assertEquals((await (await table.get("acme"))?.get())?.spec, 2);
});

for (const operation of ["set", "delete", "get"] as const) {
  const call = (table: KvTable<string | number, unknown, Bot>, signal?: AbortSignal): Promise<unknown> =>
    operation === "set" ? table.set("acme", 1, { signal }) : table[operation]("acme", { signal });
  const fault = operation === "get" ? "get" : "commit";

  Deno.test(`KvTable.${operation}() has a deadline and names itself and the key when it passes`, async () => {
    using kv = new FaultyKv(await Deno.openKv(":memory:"));
    const clock = new ManualClock();
    const table = new KvTable<string | number, unknown, Bot>(kv, { prefix: ["p"], create: never0, clock });
    kv.inject(fault, holdUntil(never));
    const rejected = assertRejects(() => call(table), KvTimeoutError);
    await clock.armed(10_000);
    clock.advance(10_000);
    const error = await rejected;
    assertEquals([error.operation, error.timeoutMs], [`${operation} entry "acme"`, 10_000]);
    assertEquals(clock.pending, 0);
  });

  Deno.test(`KvTable.${operation}() rejects with the reason of its signal, before and during the call`, async () => {
    using kv = new FaultyKv(await Deno.openKv(":memory:"));
    const clock = new ManualClock();
    const table = new KvTable<string | number, unknown, Bot>(kv, { prefix: ["p"], create: never0, clock });
    const reason = new Error("enough");
    assertStrictEquals(await assertRejects(() => call(table, AbortSignal.abort(reason))), reason);
    assertEquals(kv.count(fault), 0);
    kv.inject(fault, holdUntil(never));
    const controller = new AbortController();
    const rejected = assertRejects(() => call(table, controller.signal));
    await clock.armed(10_000);
    controller.abort(reason);
    assertStrictEquals(await rejected, reason);
    assertEquals(clock.pending, 0);
  });

  Deno.test(`KvTable.${operation}() says that the database is closed`, async () => {
    const kv = await Deno.openKv(":memory:");
    const table = new KvTable<string | number, unknown, Bot>(kv, { prefix: ["p"], create: never0 });
    kv.close();
    const error = await assertRejects(() => call(table), KvClosedError);
    assertEquals(error.message, `Cannot ${operation} entry "acme": the Deno KV handle is closed`);
    assert(error.cause instanceof Deno.errors.BadResource);
  });

  Deno.test(`KvTable.${operation}() refuses what can be no key`, async () => {
    using kv = await Deno.openKv(":memory:");
    const table = new KvTable<string | number, unknown, Bot>(kv, { prefix: ["p"], create: never0 });
    for (const key of [NaN, undefined, {}, "\udfff"]) {
      const refused = () => operation === "set" ? table.set(key as string, 1) : table[operation](key as string);
      await assertRejects(refused, TypeError, "as a key");
    }
    assertEquals(await Array.fromAsync(kv.list({ prefix: [] })), []);
  });
}

function never0(): never {
  throw new Error("unreachable");
}

Deno.test("KvTable tells keys of different types apart and makes 0 of -0", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  for (const key of ["1", 1, 1n, true, "true", -0]) await table.set(key, typeof key);
  assertEquals(await keysOf(table), ["1", "true", 1n, 0, 1, true]);
  assertStrictEquals((await table.get(-0))?.key, 0);
  assertEquals((await (await table.get(1n))?.get())?.spec, "bigint");
});

Deno.test("KvTable.get() gives the versionstamp as version", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  await table.set("acme", 1);
  const entry = await table.get("acme");
  assertEquals(entry?.version, (await kv.get(["bots", "acme"])).versionstamp);
  await table.set("acme", 1);
  assertNotEquals((await table.get("acme"))?.version, entry?.version);
});

for (const spec of [undefined, null]) {
  Deno.test(`KvTable.get() finds an entry whose value is ${spec}`, async () => {
    using kv = await Deno.openKv(":memory:");
    const table = botTable(kv);
    await table.set("acme", spec);
    assertStrictEquals((await (await table.get("acme"))!.get()).spec, spec);
  });
}

Deno.test("KvTable.set() names the key and the limits when the database will not take it", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  const values = [["too large", "x".repeat(65_537)], ["could not be cloned", () => {}]] as const;
  for (const [reason, value] of values) {
    const error = await assertRejects(() => table.set("acme", value), TypeError);
    assert(error.message.startsWith('Cannot set entry "acme": Deno KV takes keys up to 2 KiB'), error.message);
    assert(error.message.includes("64 KiB") && error.message.includes(reason), error.message);
    assert(error.cause instanceof TypeError);
  }
  assertEquals(await Array.fromAsync(kv.list({ prefix: [] })), []);
});

Deno.test("KvTable names a part of a key that is too long for the database", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  const key = "k".repeat(3_000);
  for (const call of [() => table.set(key, 1), () => table.delete(key), () => table.get(key)]) {
    const error = await assertRejects(call, TypeError, "Deno KV takes keys up to 2 KiB");
    assert(error.message.length < 300 && error.message.includes('entry "kkk'), error.message);
  }
});

Deno.test("KvTable entries are built from spec, key and context", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  await table.set("acme", { url: "u" });
  const entry = await table.get("acme");
  const bot = await entry!.get();
  assertEquals([bot.key, bot.spec, bot.context], ["acme", { url: "u" }, {}]);
  const check = { key: ["c"], versionstamp: null };
  const claim: Claim = { check, commit: (atomic) => atomic.commit(), signal: AbortSignal.abort(), token: "t" };
  assertStrictEquals((await entry!.get({ claim })).context.claim, claim);
});

Deno.test("KvTable entries reject with what create throws", async () => {
  using kv = await Deno.openKv(":memory:");
  const create = (): Bot => {
    throw new Error("cannot build");
  };
  const table = botTable(kv, { create });
  await table.set("acme", 1);
  await assertRejects(async () => await (await table.get("acme"))!.get(), Error, "cannot build");
});

Deno.test("KvTable.set() rejects a spec that fails the schema and writes nothing", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable<BotSpec>(kv, { schema });
  const error = await assertRejects(() => table.set("acme", wrong), InvalidSpecError);
  assertEquals(error.message, 'Cannot use the spec of entry "acme": url: expected a string');
  assertEquals([error.key, error.issues.length, error.name], ["acme", 1, "InvalidSpecError"]);
  assertEquals(await Array.fromAsync(kv.list({ prefix: [] })), []);
});

Deno.test("KvTable stores a spec as given and builds from what the schema makes of it", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable<BotSpec>(kv, { schema });
  await table.set("acme", { url: " u " });
  assertEquals((await kv.get(["bots", "acme"])).value, { url: " u " });
  assertEquals((await (await table.get("acme"))!.get()).spec, { url: "u" });
});

Deno.test("KvTable fails only the entry whose stored value fails the schema, and only when it is built", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable<BotSpec>(kv, { schema });
  await table.set("a", { url: "u" });
  await kv.set(["bots", "b"], wrong);
  const entries = await entriesOf(table);
  assertEquals(entries.map((entry) => entry.key), ["a", "b"]);
  assertEquals((await entries[0].get()).spec, { url: "u" });
  await assertRejects(() => entries[1].get(), InvalidSpecError, 'entry "b"');
});

Deno.test("KvTable waits for a schema that validates asynchronously", async () => {
  using kv = await Deno.openKv(":memory:");
  const validate = (value: unknown) => Promise.resolve(schema["~standard"].validate(value));
  const table = botTable<BotSpec>(kv, { schema: { "~standard": { version: 1, vendor: "test", validate } } });
  await assertRejects(() => table.set("acme", wrong), InvalidSpecError);
  await table.set("acme", { url: "u " });
  assertEquals((await (await table.get("acme"))!.get()).spec, { url: "u" });
});

Deno.test("InvalidSpecError names the first issues and their paths", () => {
  const path = ["servers", 0, { key: "port" }];
  const issues = ["1", "2", "3", "4", "5"].map((message) => message === "2" ? { message, path } : { message });
  const { message } = new InvalidSpecError(7n, issues);
  assertEquals(message, "Cannot use the spec of entry 7n: 1; servers.0.port: 2; 3; and 2 more");
});

Deno.test("KvTable of two handles on one file is one table", async () => {
  await using file = await openFile(2);
  const [one, other] = file.kvs.map((kv) => botTable(kv));
  await one.set("a", 1);
  await other.set("b", 2);
  await Promise.all([one, other].map((table, i) => Promise.all([1, 2, 3, 4].map((n) => table.set(i * 10 + n, n)))));
  await other.delete("a");
  assertEquals(await keysOf(one), ["b", 1, 2, 3, 4, 11, 12, 13, 14]);
  assertEquals(await keysOf(other), await keysOf(one));
});

type AnyOptions = KvTableOptions<string, unknown, Runnable>;

const wrongShapes: [option: string, value: unknown][] = [
  ["prefix", []],
  ["prefix", ["@pact/supervisor"]],
  ["create", undefined],
  ["create", {}],
  ["schema", {}],
  ["schema", null],
  ["clock", {}],
  ["random", 0.5],
  ["timeoutMs", "10"],
];

for (const [option, value] of wrongShapes) {
  Deno.test(`KvTable refuses ${Deno.inspect(value)} as the option ${option}`, async () => {
    using kv = await Deno.openKv(":memory:");
    const options = { prefix: ["p"], create: () => nop, [option]: value } as unknown as AnyOptions;
    assertThrows(() => new KvTable(kv, options), TypeError, `Cannot use the option ${option}`);
  });
}

for (const option of ["timeoutMs", "batchSize", "pollMs", "sweepMs", "logRetentionMs"]) {
  Deno.test(`KvTable refuses numbers out of range as the option ${option}`, async () => {
    using kv = await Deno.openKv(":memory:");
    for (const value of [0, -1, 1.5, NaN, Infinity, option === "batchSize" ? 1_001 : 2_147_483_648]) {
      const options = { prefix: ["p"], create: () => nop, [option]: value } as unknown as AnyOptions;
      const error = assertThrows(() => new KvTable(kv, options), RangeError, `Cannot use the option ${option}`);
      assert(error.message.endsWith(`current value is ${value}`), error.message);
    }
  });
}

for (const kv of [undefined, null, {}, "kv", new Map()]) {
  Deno.test(`KvTable refuses ${Deno.inspect(kv)} as a database`, () => {
    const options: AnyOptions = { prefix: ["p"], create: () => nop };
    assertThrows(() => new KvTable(kv as unknown as Deno.Kv, options), TypeError, "kv must be an open Deno.Kv");
  });
}

Deno.test("KvTable does not follow its prefix when the caller changes it", async () => {
  using kv = await Deno.openKv(":memory:");
  const prefix = ["bots"];
  const table = botTable(kv, { prefix });
  prefix.push("more");
  await table.set("acme", 1);
  assertEquals((await kv.get(["bots", "acme"])).value, 1);
});
