/** No table and no cluster reaches the records of another, whatever their prefixes. */

import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { Ledger } from "../../src/cluster/ledger.ts";
import { Keyspace, type KvRange } from "../../src/kv/keyspace.ts";
import { KvStore } from "../../src/kv/store.ts";
import { botTable, keysOf } from "./fixtures.ts";

const slots = 4;
const stamp = "00000000000000a10000";

/** Each is nested in others: below ["a"] as every kind of control record, as every kind of part, and below those again. */
const prefixes: Deno.KvKey[] = [
  ["a"],
  ["a", "session"],
  ["a", "session", "00"],
  ["a", "claim"],
  ["a", "claim", 0],
  ["a", "log"],
  ["a", "log", stamp],
  ["a", "generation"],
  ["a", "bell"],
  ["a", "probe"],
  ["a", "probe", "00"],
  ["a", 1],
  ["a", 1n],
  ["a", true],
  ["a", ""],
  ["a", "a"],
  ["a", new Uint8Array()],
  ["a", new Uint8Array([97])],
  ["a", "@pact/supervisor"],
  ['["a"]'],
  ['["a"]', "session"],
  ["a\\"],
  ["a\0"],
];

/** Every key and every range of a prefix, by name. */
function recordsOf(keys: Keyspace): [name: string, key: Deno.KvKey][] {
  return [
    ["entry", keys.entry("00")],
    ["entry of a number", keys.entry(0)],
    ["generation", keys.generation],
    ["log", keys.log(stamp)],
    ["session", keys.session("00")],
    ["claim", keys.claim(0)],
    ["last claim", keys.claim(slots - 1)],
    ["token", keys.token(0, "00")],
    ["bell", keys.bell],
    ["probe", keys.probe("00")],
  ];
}

function rangesOf(keys: Keyspace): [name: string, range: KvRange, records: string[]][] {
  return [
    ["sessions", keys.sessions, ["bell", "session"]],
    ["claims", keys.claims(slots), ["claim", "last claim"]],
    ["tokens", keys.tokens(0, slots), ["token"]],
    ["log", keys.logFrom(""), ["log"]],
  ];
}

const nameOf = (prefix: Deno.KvKey) => Deno.inspect(prefix);

Deno.test("Keyspace has no key that belongs to another prefix too", () => {
  const owners = new Map<string, string>();
  for (const prefix of prefixes) {
    for (const [name, key] of recordsOf(new Keyspace(prefix))) {
      const owner = `${name} of ${nameOf(prefix)}`;
      assertEquals(owners.get(nameOf(key)), undefined, `${owner} is a record of another prefix`);
      owners.set(nameOf(key), owner);
    }
  }
});

for (const prefix of prefixes) {
  Deno.test(`Keyspace of ${nameOf(prefix)} reaches no record of any other prefix`, async () => {
    using kv = await Deno.openKv(":memory:");
    for (const other of prefixes) {
      for (const [name, key] of recordsOf(new Keyspace(other))) await kv.set(key, `${name} of ${nameOf(other)}`);
    }
    const keys = new Keyspace(prefix);
    for (const [name, range, records] of rangesOf(keys)) {
      const found = (await Array.fromAsync(kv.list(range))).map(({ value }) => value);
      assertEquals(found, records.map((record) => `${record} of ${nameOf(prefix)}`), name);
    }
    const entries = (await Array.fromAsync(kv.list({ prefix }))).filter(({ key }) => keys.keyOf(key) !== undefined);
    const expected = ["entry", "entry of a number"].map((record) => `${record} of ${nameOf(prefix)}`);
    assertEquals(entries.map(({ value }) => value), expected);
  });
}

Deno.test("KvTable and a cluster of every prefix live in one database and each sees its own", async () => {
  using kv = await Deno.openKv(":memory:");
  const store = new KvStore(kv, { clock: systemClock, random: Math.random, timeoutMs: 10_000 });
  const ledgers = prefixes.map((prefix) => new Ledger(store, { prefix, slots, ttlMs: 1_000, revision: "" }));
  const tables = prefixes.map((prefix) => botTable(kv, { prefix }));
  for (const [index, ledger] of ledgers.entries()) {
    const id = index.toString(16);
    await tables[index].set(id, index);
    const record = { format: 1, session: id, nonce: 1, ttlMs: 1_000, slots, accepts: true };
    const versionstamp = (await ledger.beat(record, null))?.versionstamp ?? null;
    const claimant = { id, versionstamp, beating: Promise.resolve(), nextNonce: () => 2 };
    await ledger.take(claimant, [{ slot: index % slots, versionstamp: null, owner: undefined, tokens: new Map() }]);
  }
  for (const [index, ledger] of ledgers.entries()) {
    const id = index.toString(16);
    const { sessions, claims } = await ledger.look();
    assertEquals([...sessions.keys()], [id]);
    assertEquals([...claims].map(([slot, { owner }]) => [slot, owner]), [[index % slots, id]]);
    assertEquals(await keysOf(tables[index]), [id]);
  }
});
