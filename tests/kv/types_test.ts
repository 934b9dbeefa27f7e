/** What a user writes needs no type argument. Most of this is checked by the compiler; running it shows that the types do not lie. */

import { assertEquals, assertRejects } from "@std/assert";
import { assertType, type IsExact } from "@std/testing/types";
import { Cluster, type OwnedTable } from "../../src/cluster/mod.ts";
import { type Claim, InvalidSpecError, type KvEntry, KvTable, type SpecSchema } from "../../src/kv/mod.ts";
import { leaf } from "../../src/process/leaf.ts";
import { nop } from "../../src/process/compose.ts";
import type { Runnable } from "../../src/process/runnable.ts";
import type { Entry, Table } from "../../src/table/table.ts";

interface Interval {
  readonly everyMs: number;
}

type SpecOf<T> = T extends KvTable<infer _K, infer Spec, infer _P, infer _Input> ? Spec : never;
type InputOf<T> = T extends KvTable<infer _K, infer _Spec, infer _P, infer Input> ? Input : never;
type LeafOf<T> = T extends Table<infer _K, infer P> ? P : never;
type KeyOf<T> = T extends Table<infer K, infer _P> ? K : never;

Deno.test("KvTable infers everything from annotated parameters", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = new KvTable(kv, {
    prefix: ["bots"],
    create: (spec: { everyMs: number }, key: string) => leaf(() => void [spec.everyMs, key.length]),
  });
  assertType<IsExact<KeyOf<typeof table>, string>>(true);
  assertType<IsExact<SpecOf<typeof table>, { everyMs: number }>>(true);
  assertType<IsExact<InputOf<typeof table>, { everyMs: number }>>(true);
  await table.set("acme", { everyMs: 5 });
  // @ts-expect-error a number is no key of this table
  await table.set(1, { everyMs: 5 });
  // @ts-expect-error a text is no spec of this table
  await table.set("acme", "5");
});

Deno.test("KvTable infers the type of keys that are not named as any that can be one", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = new KvTable(kv, { prefix: ["bots"], create: (spec: Interval) => leaf(() => void spec.everyMs) });
  assertType<IsExact<KeyOf<typeof table>, string | number | bigint | boolean>>(true);
  await table.set(1n, { everyMs: 5 });
});

Deno.test("KvTable<K, Spec> is a table of runnables", async () => {
  using kv = await Deno.openKv(":memory:");
  const table: KvTable<string, Interval> = new KvTable(kv, { prefix: ["bots"], create: () => nop });
  await table.set("acme", { everyMs: 5 });
  const entry = await table.get("acme");
  assertType<IsExact<typeof entry, KvEntry<string, Interval, Runnable> | undefined>>(true);
  assertEquals(await entry?.spec(), { everyMs: 5 });
});

/** A schema with a default and a transform: it takes seconds as text, or nothing, and returns ms. */
const seconds: SpecSchema<Interval, { seconds?: string }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate(value) {
      const given = Object(value).seconds ?? "60";
      if (typeof given !== "string") return { issues: [{ message: "expected a text", path: ["seconds"] }] };
      return { value: { everyMs: Number(given) * 1_000 } };
    },
  },
};

Deno.test("KvTable.set() takes the schema's input, and create() gets its output", async () => {
  using kv = await Deno.openKv(":memory:");
  const built: unknown[] = [];
  const table = new KvTable(kv, {
    prefix: ["bots"],
    schema: seconds,
    create: (spec, key: string) => {
      assertType<IsExact<typeof spec, Interval>>(true);
      built.push([key, spec]);
      return nop;
    },
  });
  assertType<IsExact<typeof table, KvTable<string, Interval, Runnable, { seconds?: string }>>>(true);
  await table.set("acme", { seconds: "5" });
  await table.set("beta", {});
  for await (const entry of table) await entry.get();
  assertEquals(built, [["acme", { everyMs: 5_000 }], ["beta", { everyMs: 60_000 }]]);
});

Deno.test("KvTable stores the schema's input, which is valid when it is read and written again", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = new KvTable(kv, { prefix: ["bots"], schema: seconds, create: () => nop });
  await table.set("acme", { seconds: "5" });
  const { value } = await kv.get(["bots", "acme"]);
  assertEquals(value, { seconds: "5" });
  // @ts-expect-error the output of the schema is no input
  await assertRejects(() => table.set("beta", { seconds: 5 }), InvalidSpecError);
});

/** As a library of schemas writes it: without anything of ours. */
interface Foreign<Input, Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (
      value: unknown,
    ) =>
      | { readonly value: Output; readonly issues?: undefined }
      | { readonly issues: readonly { readonly message: string; readonly path?: readonly PropertyKey[] | undefined }[] }
      | Promise<{ readonly value: Output; readonly issues?: undefined }>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

Deno.test("KvTable takes a schema of another library with its types", async () => {
  using kv = await Deno.openKv(":memory:");
  const schema: Foreign<{ seconds?: string }, Interval> = {
    "~standard": { version: 1, vendor: "other", validate: () => ({ value: { everyMs: 7 } }) },
  };
  const table = new KvTable(kv, { prefix: ["bots"], schema, create: (spec) => leaf(() => void spec.everyMs) });
  assertType<IsExact<SpecOf<typeof table>, Interval>>(true);
  assertType<IsExact<InputOf<typeof table>, { seconds?: string }>>(true);
  await table.set("acme", {});
});

Deno.test("Cluster.own() keeps the types of a table, and create() gets a claim", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = new KvTable(kv, {
    prefix: ["bots"],
    schema: seconds,
    create: (_spec, _key: string, { claim }) => {
      assertType<IsExact<typeof claim, Claim | undefined>>(true);
      return nop;
    },
  });
  const cluster = new Cluster(kv, { allowLocal: true, heartbeatMs: 10, ttlMs: 1_000 });
  const owned = cluster.own(table);
  assertType<IsExact<typeof owned, OwnedTable<string, Interval, Runnable, { seconds?: string }>>>(true);
  assertType<IsExact<typeof owned.whole, typeof table>>(true);
  await cluster.run(async () => {
    const entry: Entry<string, Runnable> | undefined = await owned.get("acme");
    assertEquals(entry, undefined);
  });
});

Deno.test("Cluster.table() infers everything from annotated parameters, and the claim of create() is always there", async () => {
  using kv = await Deno.openKv(":memory:");
  const cluster = new Cluster(kv, { allowLocal: true });
  const table = cluster.table(kv, {
    prefix: ["bots"],
    create: (spec: Interval, key: string, { claim }) => {
      assertType<IsExact<typeof claim, Claim>>(true);
      return leaf(() => void [spec.everyMs, key.length]);
    },
  });
  assertType<IsExact<KeyOf<typeof table>, string>>(true);
  assertType<IsExact<typeof table.whole, KvTable<string, Interval, LeafOf<typeof table>, Interval>>>(true);
  await table.set("acme", { everyMs: 5 });
  // @ts-expect-error a number is no key of this table
  await table.set(1, { everyMs: 5 });
  // @ts-expect-error a text is no spec of this table
  await table.set("acme", "5");
  await table.touch("acme", { signal: new AbortController().signal });
  await table.delete("acme");
});

Deno.test("Cluster.table() takes a schema with its types", async () => {
  using kv = await Deno.openKv(":memory:");
  const cluster = new Cluster(kv, { allowLocal: true });
  const table = cluster.table(kv, {
    prefix: ["bots"],
    schema: seconds,
    create: (spec, _key: string, { claim }) => {
      assertType<IsExact<typeof spec, Interval>>(true);
      return leaf(() => void claim.token);
    },
  });
  await table.set("acme", { seconds: "5" });
  // @ts-expect-error the output of the schema is no input
  await assertRejects(() => table.set("beta", { seconds: 5 }), InvalidSpecError);
});
