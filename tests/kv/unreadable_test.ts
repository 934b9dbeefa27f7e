/** A row that the database cannot read fails by name, and hides no other one. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { Supervisor } from "@pact/supervisor";
import { systemClock } from "../../src/clock.ts";
import { Ledger } from "../../src/cluster/ledger.ts";
import { Keyspace, type KvTableKey } from "../../src/kv/keyspace.ts";
import { KvStore } from "../../src/kv/store.ts";
import { FaultyKv } from "../../src/testing/mod.ts";
import { encodeKey } from "../memory_kv/key.ts";
import { botTable, entriesOf, keysOf } from "./fixtures.ts";

/** Values that no version of this program reads: damaged, cut short, of a newer serialiser, in an unknown encoding. */
const damages: Readonly<Record<string, { readonly bytes: number[]; readonly encoding: number }>> = {
  "damaged": { bytes: [0xff, 0x63, 1, 2, 3], encoding: 1 },
  "empty": { bytes: [], encoding: 1 },
  "of a newer serialiser": { bytes: [0xff, 0x20, 0x22, 1, 0x61], encoding: 1 },
  "in an unknown encoding": { bytes: [0x61], encoding: 7 },
};

/** A database file in which rows can be spoilt; between that, handles on it are closed. */
async function openSpoilable() {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/kv.sqlite`;
  let kv = await Deno.openKv(path);
  return {
    get kv() {
      return kv;
    },
    async spoil(keys: readonly Deno.KvKey[], { bytes, encoding } = damages["damaged"]) {
      kv.close();
      const database = new DatabaseSync(path);
      for (const key of keys) {
        const place = Uint8Array.from(encodeKey(key), (char) => char.charCodeAt(0));
        const change = database.prepare("update kv set v = ?, v_encoding = ? where k = ?");
        assertEquals(change.run(Uint8Array.from(bytes), encoding, place).changes, 1, `no row at ${Deno.inspect(key)}`);
      }
      database.close();
      kv = await Deno.openKv(path);
    },
    async [Symbol.asyncDispose]() {
      kv.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

const names = Array.from({ length: 33 }, (_, index) => `tenant-${String(index).padStart(2, "0")}`);

for (const [name, damage] of Object.entries(damages)) {
  Deno.test(`KvTable yields every entry when the value of one is ${name}, and that one fails by name`, async () => {
    await using file = await openSpoilable();
    for (const key of names) await botTable(file.kv).set(key, key);
    await file.spoil([["bots", "tenant-20"]], damage);
    const entries = await entriesOf(botTable(file.kv));
    assertEquals(entries.map(({ key }) => key), names);
    for (const entry of entries) {
      if (entry.key !== "tenant-20") assertEquals((await entry.get()).spec, entry.key);
    }
    const { message } = await assertRejects(() => entries[20].get(), Error);
    assert(
      message.startsWith('Cannot use entry "tenant-20": the database holds a value there that it cannot read'),
      message,
    );
    assertEquals((await assertRejects(() => entries[20].spec(), Error)).message, message);
  });
}

const places: [where: string, keys: KvTableKey[]][] = [
  ["first", ["tenant-00"]],
  ["last", ["tenant-32"]],
  ["two beside each other", ["tenant-07", "tenant-08"]],
  ["several", ["tenant-00", "tenant-11", "tenant-12", "tenant-31"]],
  ["all", names],
];
for (const [where, spoilt] of places) {
  for (const batchSize of [1, 2, 10, 500]) {
    Deno.test(`KvTable lists around entries that cannot be read: ${where}, in batches of ${batchSize}`, async () => {
      await using file = await openSpoilable();
      for (const key of names) await botTable(file.kv).set(key, key);
      await file.spoil(spoilt.map((key) => ["bots", key]));
      const entries = await entriesOf(botTable(file.kv, { batchSize }));
      assertEquals(entries.map(({ key }) => key), names);
      const failed = await Promise.all(entries.map((entry) => entry.get().then(() => [], () => [entry.key])));
      assertEquals(failed.flat(), spoilt);
    });
  }
}

const mixed: KvTableKey[] = ["", "a", "a\0", "é", "日本", -7n, 0n, 2n ** 70n, -1.5, 0, 7, 1e300, false, true];
for (const spoilt of mixed) {
  Deno.test(`KvTable names the key ${Deno.inspect(spoilt)} among others of every kind`, async () => {
    await using file = await openSpoilable();
    for (const key of mixed) await botTable(file.kv).set(key, 1);
    await file.spoil([["bots", spoilt]]);
    const entries = await entriesOf(botTable(file.kv));
    assertEquals(entries.map(({ key }) => key), mixed);
    const failed = await Promise.all(entries.map((entry) => entry.get().then(() => [], () => [entry.key])));
    assertEquals(failed.flat(), [spoilt]);
  });
}

Deno.test("KvTable lists around rows that are no entries and cannot be read", async () => {
  await using file = await openSpoilable();
  const foreign: Deno.KvKey[] = [
    ["bots", new Uint8Array([1])],
    ["bots", "b", "below"],
    ["bots", "b", "below", 1],
    ["bots", "bb", "below"],
    ["bots", NaN],
    ["bots", true, "below"],
  ];
  for (const key of ["a", "b", "c", 1, true]) await botTable(file.kv).set(key, 1);
  for (const key of foreign) await file.kv.set(key, 1);
  for (const batchSize of [1, 3, 500]) {
    await file.spoil(foreign);
    const entries = await entriesOf(botTable(file.kv, { batchSize }));
    assertEquals(entries.map(({ key }) => key), ["a", "b", "c", 1, true]);
    for (const entry of entries) await entry.get();
  }
});

Deno.test("KvTable.get() rejects by name when the value cannot be read, and set() and delete() mend that", async () => {
  await using file = await openSpoilable();
  for (const key of ["a", "b", "c"]) await botTable(file.kv).set(key, 1);
  await file.spoil([["bots", "b"], ["bots", "c"]]);
  const table = botTable(file.kv);
  const error = await assertRejects(() => table.get("b"), Error, 'Cannot get entry "b": the database holds a value');
  assert(error.cause instanceof RangeError);
  await table.set("b", 2);
  await table.delete("c");
  assertEquals((await (await table.get("b"))?.get())?.spec, 2);
  assertEquals(await keysOf(table), ["a", "b"]);
});

Deno.test("KvTable iteration costs nothing more when everything can be read", async () => {
  using kv = new FaultyKv(await Deno.openKv(":memory:"));
  for (const key of names) await kv.set(["bots", key], 1);
  await keysOf(botTable(kv, { batchSize: 10 }));
  assertEquals([kv.count("list"), kv.count("get")], [4 + 2, 0]); // pauses and troubles are listed once each
});

Deno.test("Supervisor runs every entry but the one that cannot be read, and announces that by name", async () => {
  await using file = await openSpoilable();
  for (const key of names) await botTable(file.kv).set(key, key);
  await file.spoil([["bots", "tenant-20"]]);
  const supervisor = new Supervisor(botTable(file.kv));
  const failed: unknown[] = [];
  supervisor.subscribe((event) => void (event.type === "entry-failed" && failed.push(event.key)));
  await supervisor.run(() => {
    assertEquals(supervisor.keys().sort(), names.filter((name) => name !== "tenant-20"));
  });
  assertEquals(failed, ["tenant-20"]);
});

/** A handle whose watches tell nothing: one that fails at a value that it cannot read is never given back by Deno. */
class Unwatched extends FaultyKv {
  override watch<T extends readonly unknown[]>(): ReadableStream<{ [K in keyof T]: Deno.KvEntryMaybe<T[K]> }> {
    return new ReadableStream();
  }
}

const control: [name: string, keyAt: (keys: Keyspace, versionstamp: string) => Deno.KvKey, told: unknown[]][] = [
  ["the last change", (keys, versionstamp) => keys.log(versionstamp), [undefined, "gamma"]],
  ["the generation", (keys) => keys.generation, ["acme", "beta", "gamma"]],
];
for (const [name, keyAt, told] of control) {
  Deno.test(`KvTable.changes() misses nothing when ${name} cannot be read`, async () => {
    await using file = await openSpoilable();
    await botTable(file.kv).set("acme", 1);
    const { versionstamp } = await file.kv.get(["bots", "acme"]);
    await file.spoil([keyAt(new Keyspace(["bots"]), String(versionstamp))]);
    const table = botTable(new Unwatched(file.kv), { pollMs: 1 });
    const controller = new AbortController();
    const changes = table.changes({ signal: controller.signal })[Symbol.asyncIterator]();
    const next = changes.next();
    await keysOf(table); // the feed has found the end of the log
    await botTable(file.kv).set("beta", 1);
    const heard = [(await next).value];
    while (heard.length < told.length - 1) heard.push((await changes.next()).value);
    await botTable(file.kv).set("gamma", 1);
    heard.push((await changes.next()).value);
    assertEquals(heard, told);
    controller.abort();
    await changes.next();
  });
}

const slots = 4;
const ttlMs = 1_000;

/** A database with two sessions, of which one owns the slots 1 and 2. */
async function openCluster() {
  const file = await openSpoilable();
  const open = () => {
    const store = new KvStore(file.kv, { clock: systemClock, random: Math.random, timeoutMs: 10_000 });
    return new Ledger(store, { prefix: ["c"], slots, ttlMs, revision: "" });
  };
  const join = async (id: string) => {
    const record = { format: 1, session: id, nonce: 1, ttlMs, slots, accepts: true };
    const { versionstamp } = (await open().beat(record, null))!;
    return { id, versionstamp, beating: Promise.resolve(), nextNonce: () => 2 };
  };
  const [one, other] = [await join("a1"), await join("b2-c3")];
  await open().take(one, [1, 2].map((slot) => ({ slot, versionstamp: null, owner: undefined, tokens: new Map() })));
  const { session, claim } = new Keyspace(["c"]);
  return {
    file,
    open,
    one,
    other,
    keys: new Keyspace(["c"]),
    session,
    claim,
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

Deno.test("Ledger.look() sees a session whose record cannot be read as one that it cannot work with, and all others", async () => {
  await using cluster = await openCluster();
  await cluster.file.spoil([cluster.keys.session("a1")]);
  const { sessions, claims } = await cluster.open().look();
  assertEquals([...sessions.keys()], ["b2-c3", "a1"].sort());
  const mismatch = "the database cannot read its record";
  assertEquals(sessions.get("a1"), {
    versionstamp: "",
    ttlMs,
    accepts: false,
    beats: 0,
    isProven: false,
    first: "",
    mismatch,
  });
  assertEquals([...claims.keys()], [1, 2]);
});

Deno.test("Ledger.look() lists the claims in any case while the bell cannot be read", async () => {
  await using cluster = await openCluster();
  await cluster.file.spoil([cluster.keys.bell]);
  const ledger = cluster.open();
  const first = await ledger.look();
  const second = await ledger.look(first);
  assertEquals([first.bell, second.claims === first.claims], [undefined, false]);
  assertEquals([...second.sessions.keys()], ["a1", "b2-c3"]);
});

Deno.test("Ledger.bury() deletes a session whose record cannot be read", async () => {
  await using cluster = await openCluster();
  await cluster.file.spoil([cluster.keys.session("a1")]);
  const ledger = cluster.open();
  const seen = (await ledger.look()).sessions.get("a1");
  assertEquals(await ledger.bury("a1", seen?.versionstamp), true);
  assertEquals([...(await ledger.look()).sessions.keys()], ["b2-c3"]);
});

Deno.test("Ledger.take() takes a slot whose claim cannot be read, once its owner's session is gone", async () => {
  await using cluster = await openCluster();
  await cluster.file.spoil([cluster.keys.claim(1)]);
  const ledger = cluster.open();
  const { claims, bell } = await ledger.look();
  assertEquals(claims.get(1), { slot: 1, versionstamp: "", owner: undefined });
  const taken = await ledger.take(cluster.other, await ledger.withTokens([claims.get(1)!]), bell);
  assertEquals([...taken.keys()], [1]);
  assertEquals((await ledger.look()).claims.get(1)?.owner, "b2-c3");
  const former = await cluster.file.kv.get(ledger.tokenKey(1, "a1"));
  assertEquals(former.versionstamp, null, "the writes of its former owner are refused");
});

Deno.test("Ledger.take() takes no slot whose claim cannot be read that another session has taken since it was seen", async () => {
  await using cluster = await openCluster();
  await cluster.file.spoil([cluster.keys.claim(1)]);
  const ledger = cluster.open();
  const { claims, bell } = await ledger.look();
  const seen = await ledger.withTokens([claims.get(1)!]);
  assertEquals((await ledger.take(cluster.one, seen, bell)).size, 1);
  assertEquals((await ledger.take(cluster.other, seen, bell)).size, 0);
});

Deno.test("Ledger.look() rings a bell that cannot be read", async () => {
  await using cluster = await openCluster();
  await cluster.file.spoil([cluster.keys.bell]);
  const ledger = cluster.open();
  await ledger.look();
  const second = await ledger.look();
  assertEquals((await ledger.look(second)).claims === second.claims, true);
});
