import { assert, assertEquals, assertRejects } from "@std/assert";
import type { KvTableKey } from "../../src/kv/mod.ts";
import { botTable } from "./fixtures.ts";

async function pagesOf(
  keys: readonly KvTableKey[],
  options: { limit: number; prefix?: string },
  kv: Deno.Kv,
): Promise<KvTableKey[][]> {
  const table = botTable<number>(kv), pages: KvTableKey[][] = [];
  for (const key of keys) await table.set(key, 1);
  let after: KvTableKey | undefined;
  do {
    const page = await table.page({ ...options, after });
    pages.push(page.entries.map(({ key }) => key));
    after = page.next;
  } while (after !== undefined);
  return pages;
}

Deno.test("KvTable.page() reads every key once, in the order of the database, over what lies deeper", async () => {
  using kv = await Deno.openKv(":memory:");
  const keys = ["", "a", "a\0", "a/b", "b", -2n, 3n, -1, 0, 7, false, true];
  for (const key of keys) await kv.set(["bots", key, "deeper"], 1);
  await kv.set(["bots", new Uint8Array([1])], 1);
  for (const limit of [1, 2, 5, 100]) {
    assertEquals((await pagesOf(keys, { limit }, kv)).flat(), keys);
  }
});

Deno.test("KvTable.page() does not read what lies before the page", async () => {
  using kv = await Deno.openKv(":memory:");
  const keys = Array.from({ length: 50 }, (_, index) => `k${index + 10}`);
  await pagesOf(keys, { limit: 100 }, kv);
  const read: unknown[] = [];
  const { list } = kv;
  kv.list = ((selector: Deno.KvListSelector, options?: Deno.KvListOptions) => {
    if (JSON.stringify(selector).includes('bots",')) read.push(options?.limit);
    return list.call(kv, selector, options);
  }) as typeof kv.list;
  const { entries, next } = await botTable(kv).page({ after: "k40", limit: 3 });
  assertEquals([entries.map(({ key }) => key), next], [["k41", "k42", "k43"], "k43"]);
  assertEquals(read, [3]);
});

Deno.test("KvTable.page() goes on behind a key that is gone", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  for (const key of ["a", "b", "c"]) await table.set(key, 1);
  await table.delete("b");
  assertEquals((await table.page({ after: "b" })).entries.map(({ key }) => key), ["c"]);
});

Deno.test("KvTable.page() has the pauses of its entries", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  for (const key of ["a", "b"]) await table.set(key, 1);
  await table.pause("b", { reason: "x" });
  assertEquals((await table.page()).entries.map(({ pause }) => pause?.reason), [undefined, "x"]);
});

Deno.test("KvTable.page() refuses bad options", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  for (const limit of [0, 1_001, 1.5, NaN]) assert(await assertRejects(() => table.page({ limit }), RangeError));
  await assertRejects(() => table.page({ limit: "1" as never }), TypeError, "the option limit");
  await assertRejects(() => table.page({ prefix: 1 as never }), TypeError, "the option prefix");
  await assertRejects(() => table.page({ after: {} as never }), TypeError, "as a key");
});
