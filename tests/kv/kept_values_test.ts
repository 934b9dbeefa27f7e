/** What a caller changes after a call changes nothing, nor does what a caller does with what it was given. */

import { assertEquals, assertThrows } from "@std/assert";
import { systemClock } from "../../src/clock.ts";
import { checkOptions as checkClusterOptions } from "../../src/cluster/options.ts";
import { checkOptions } from "../../src/kv/options.ts";
import type { KvTableOptions } from "../../src/kv/mod.ts";
import { nop } from "../../src/process/compose.ts";
import type { Runnable } from "../../src/process/runnable.ts";
import { World } from "../cluster/fixtures.ts";
import { failLocked, FaultyKv } from "../../src/testing/mod.ts";
import { botTable, keysOf } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

type AnyOptions = { -readonly [Name in Exclude<keyof KvTableOptions<string, unknown, Runnable>, "path">]: unknown };

const tableOptions: [name: keyof AnyOptions, given: unknown, later: unknown][] = [
  ["prefix", ["bots"], ["other"]],
  ["create", () => nop, () => new Error("another")],
  ["schema", { "~standard": { version: 1, vendor: "a", validate: (value: unknown) => ({ value }) } }, undefined],
  ["clock", { ...systemClock }, { ...systemClock }],
  ["random", () => 0, () => 1],
  ["timeoutMs", 1, 2],
  ["batchSize", 1, 2],
  ["pollMs", 1, 2],
  ["sweepMs", 1, 2],
  ["watchSees", "everybody", "this process"],
  ["logRetentionMs", 1, 2],
];

for (const [name, given, later] of tableOptions) {
  Deno.test(`KvTable does not follow its options when the caller changes ${name}`, () => {
    const options = { prefix: ["bots"], create: () => nop, [name]: given } as AnyOptions;
    const settings = checkOptions(options as KvTableOptions<string, unknown, Runnable>);
    options[name] = later;
    assertEquals(name === "prefix" ? settings.keys.prefix : settings[name], given);
  });
}

const clusterOptions: [name: keyof ReturnType<typeof checkClusterOptions>, given: unknown, later: unknown][] = [
  ["prefix", ["bots"], ["other"]],
  ["path", "a", "b"],
  ["timeline", "a", "b"],
  ["allowLocal", true, false],
  ["heartbeatMs", 10, 20],
  ["ttlMs", 20_000, 30_000],
  ["slots", 1, 2],
  ["clock", { ...systemClock }, { ...systemClock }],
  ["random", () => 0, () => 1],
  ["newId", () => "a", () => "b"],
];

for (const [name, given, later] of clusterOptions) {
  Deno.test(`Cluster does not follow its options when the caller changes ${name}`, () => {
    const options: Record<string, unknown> = { [name]: given };
    const settings = checkClusterOptions(options);
    options[name] = later;
    assertEquals(settings[name], given);
  });
}

Deno.test("KvTable and Cluster copy the bytes of their prefix", async () => {
  using kv = await Deno.openKv(":memory:");
  const bytes = new Uint8Array([1]);
  const prefix = ["bots", bytes];
  const table = botTable(kv, { prefix });
  const cluster = checkClusterOptions({ prefix });
  bytes[0] = 2;
  await table.set("acme", 1);
  assertEquals((await kv.get(["bots", new Uint8Array([1]), "acme"])).value, 1);
  assertEquals(cluster.prefix, ["bots", new Uint8Array([1])]);
});

Deno.test("KvTable.prefix is a copy", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv, { prefix: ["bots", new Uint8Array([1])] });
  const shown = table.prefix as Deno.KvKeyPart[];
  (shown[1] as Uint8Array)[0] = 2;
  shown.push("more");
  assertEquals(table.prefix, ["bots", new Uint8Array([1])]);
  await table.set("acme", 1);
  assertEquals(await keysOf(table), ["acme"]);
});

Deno.test("KvTable.set() writes the spec as it was at the call, also when the schema takes its time", async () => {
  using kv = await Deno.openKv(":memory:");
  const gate = Promise.withResolvers<void>();
  const validate = (value: unknown) => gate.promise.then(() => ({ value }));
  const table = botTable(kv, { schema: { "~standard": { version: 1, vendor: "test", validate } } });
  const spec = { url: "a" };
  const written = table.set("acme", spec);
  spec.url = "b";
  gate.resolve();
  await written;
  assertEquals((await kv.get(["bots", "acme"])).value, { url: "a" });
});

Deno.test("KvTable.set() writes the spec as it was at the call, also when the database is locked at first", async () => {
  using kv = new FaultyKv(await Deno.openKv(":memory:"));
  const clock = new ManualClock();
  const table = botTable(kv, { clock, random: () => 0.5 });
  kv.inject("commit", failLocked());
  const spec = { bytes: new Uint8Array([1]) };
  const written = table.set("acme", spec);
  spec.bytes[0] = 2;
  await clock.armed(2.5);
  clock.advance(2.5);
  await written;
  assertEquals((await kv.get(["bots", "acme"])).value, { bytes: new Uint8Array([1]) });
});

Deno.test("Claim.check cannot be changed by a process, which shares it with all of its slot", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  await world.pass(1_000);
  const claim = one.bots.get("acme")!.claim!;
  for (const object of [claim, claim.check, claim.check.key]) {
    assertThrows(() => Object.assign(object, { 0: "other", key: [], versionstamp: null, check: {} }), TypeError);
  }
  const { ok } = await claim.commit(one.kv.atomic().set(["out"], 1));
  assertEquals(ok, true);
});

Deno.test("Cluster.snapshot() hands out nothing that the cluster uses", async () => {
  await using world = await World.open(["acme"]);
  const one = await world.member("a");
  const before = structuredClone(one.cluster.snapshot());
  const { sessions, slots } = one.cluster.snapshot();
  for (const list of [sessions, slots.owned, slots.handingOver, slots.unowned]) Object.assign(list, { length: 0 });
  assertEquals(one.cluster.snapshot(), before);
});
