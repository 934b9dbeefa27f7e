import { assertEquals, assertNotStrictEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { MemoryKv } from "./memory_kv.ts";

/** Both databases, for facts that time is no part of. */
const databases: [name: string, open: () => Promise<Deno.Kv>][] = [
  ["MemoryKv", () => Promise.resolve(new MemoryKv())],
  ["Deno.openKv()", () => Deno.openKv(":memory:")],
];

/** What a call comes to: the class and the text of its error, or that there is none. */
async function outcomeOf(call: () => unknown): Promise<string> {
  try {
    await call();
    return "no error";
  } catch (error) {
    return `${(error as Error).constructor.name}: ${(error as Error).message}`;
  }
}

const uses: Record<string, (kv: Deno.Kv) => unknown> = {
  get: (kv) => kv.get(["a"]),
  getMany: (kv) => kv.getMany([["a"]]),
  set: (kv) => kv.set(["a"], 1),
  delete: (kv) => kv.delete(["a"]),
  "list next": (kv) => kv.list({ prefix: [] }).next(),
  commit: (kv) => kv.atomic().set(["a"], 1).commit(),
  watch: (kv) => kv.watch([["a"]]),
  close: (kv) => kv.close(),
};

for (const [name, open] of databases) {
  for (const [use, call] of Object.entries(uses)) {
    Deno.test(`${name} refuses ${use} once it is closed`, async () => {
      const kv = await open();
      kv.close();
      assertEquals(await outcomeOf(() => call(kv)), "BadResource: Bad resource ID");
    });
  }

  Deno.test(`${name} may be disposed of once it is closed`, async () => {
    const kv = await open();
    kv.close();
    kv[Symbol.dispose]();
  });

  const limits: [limit: string, expected: string, call: (kv: Deno.Kv) => unknown][] = [
    ["100 checks", "no error", (kv) => checks(kv, 100)],
    ["101 checks", "TypeError: Too many checks (max 100)", (kv) => checks(kv, 101)],
    ["1 000 mutations", "no error", (kv) => deletes(kv, 1_000)],
    ["1 001 mutations", "TypeError: Too many mutations (max 1000)", (kv) => deletes(kv, 1_001)],
    ["12 large values", "no error", (kv) => sets(kv, 12, 65_536, 10)],
    [
      "13 large values",
      "TypeError: Total mutation size too large (max 819200 bytes)",
      (kv) => sets(kv, 13, 65_536, 10),
    ],
    ["40 large keys", "no error", (kv) => sets(kv, 40, 1, 2_034)],
    ["41 large keys", "TypeError: Total key size too large (max 81920 bytes)", (kv) => sets(kv, 41, 1, 2_034)],
    [
      "11 watched keys",
      "TypeError: Too many keys (max 10)",
      (kv) => kv.watch(Array.from({ length: 11 }, (_, i) => [i])),
    ],
    [
      "a forgotten commit",
      `TypeError: 'Deno.AtomicOperation' is not a promise: did you forget to call 'commit()'`,
      (kv) => kv.atomic(),
    ],
    [
      "a set without a value",
      "TypeError: Invalid mutation 'set' without value",
      (kv) => kv.atomic().mutate({ type: "set", key: ["a"] } as unknown as Deno.KvMutation),
    ],
  ];
  for (const [limit, expected, call] of limits) {
    Deno.test(`${name} answers ${limit} with ${expected}`, async () => {
      using kv = await open();
      assertEquals(await outcomeOf(() => call(kv)), expected);
    });
  }

  Deno.test(`${name} keeps what an atomic wrote before it failed`, async () => {
    using kv = await open();
    await kv.set(["text"], "text");
    await assertRejects(() => kv.atomic().set(["a"], 1).sum(["text"], 1n).set(["b"], 1).commit(), TypeError, "non-U64");
    assertEquals([(await kv.get(["a"])).value, (await kv.get(["b"])).value], [1, null]);
  });

  Deno.test(`${name} keeps an object that occurs twice in a value one object`, async () => {
    using kv = await open();
    const shared = {};
    await kv.set(["a"], [shared, shared]);
    const [first, second] = (await kv.get<[object, object]>(["a"])).value!;
    assertStrictEquals(first, second);
  });

  Deno.test(`${name} hands out another copy with every reading`, async () => {
    using kv = await open();
    await kv.set(["a", Uint8Array.of(1)], { list: [1] });
    const read = () => kv.get<{ list: number[] }>(["a", Uint8Array.of(1)]);
    (await read()).value!.list.push(2);
    assertEquals((await read()).value, { list: [1] });
    const [a, b] = [await kv.list({ prefix: [] }).next(), await kv.list({ prefix: [] }).next()];
    assertNotStrictEquals(a.value!.key[1], b.value!.key[1]);
  });

  Deno.test(`${name} begins again at a cursor that is "", also where that is no end`, async () => {
    using kv = await open();
    for (const key of [["a"], ["a", "b"]]) await kv.set(key, 1);
    const selector = { start: ["a"], end: ["a", "c"] };
    const listing = kv.list(selector);
    await listing.next();
    assertEquals(listing.cursor, "");
    assertEquals((await kv.list(selector, { cursor: "" }).next()).value?.key, ["a"]);
    assertEquals((await listing.next()).value?.key, ["a", "b"]);
  });

  Deno.test(`${name} reads a snapshot per batch only`, async () => {
    using kv = await open();
    for (let i = 0; i < 4; i++) await kv.set([i], "old");
    const listing = kv.list<string>({ prefix: [] }, { batchSize: 2 });
    const first = await listing.next();
    for (let i = 0; i < 4; i++) await kv.set([i], "new");
    const rest = await Array.fromAsync(listing);
    assertEquals([first.value!, ...rest].map(({ value }) => value), ["old", "old", "new", "new"]);
  });

  Deno.test(`${name} tells a watch the present first, then what has changed`, async () => {
    using kv = await open();
    await kv.set(["a"], 1);
    const reader = kv.watch([["a"], ["b"]]).getReader();
    const values = async () => (await reader.read()).value?.map(({ value }) => value);
    assertEquals(await values(), [1, null]);
    const next = values();
    await kv.delete(["absent"]);
    await kv.set(["b"], 2);
    assertEquals(await next, [1, 2]);
    const last = values();
    await kv.delete(["a"]);
    assertEquals(await last, [null, 2]);
    await reader.cancel();
  });

  Deno.test(`${name} tells a slow reader what it kept for it, then only the last of the changes`, async () => {
    using kv = await open();
    const reader = kv.watch([["a"]]).getReader();
    const values = async () => (await reader.read()).value?.map(({ value }) => value);
    await values();
    await kv.set(["a"], 1);
    await settled(kv);
    for (let i = 2; i <= 4; i++) await kv.set(["a"], i);
    assertEquals([await values(), await values()], [[1], [4]]);
    await reader.cancel();
  });

  Deno.test(`${name} tells a raw watch of commits that changed nothing`, async () => {
    using kv = await open();
    const reader = kv.watch([["a"]], { raw: true }).getReader();
    await reader.read();
    const next = reader.read();
    await kv.delete(["a"]);
    assertEquals((await next).value?.[0].versionstamp, null);
    await reader.cancel();
  });

  Deno.test(`${name} ends a watch of nothing at once, and any watch with close()`, async () => {
    const kv = await open();
    assertEquals((await kv.watch([]).getReader().read()).done, true);
    const reader = kv.watch([["a"]]).getReader();
    await reader.read();
    const next = reader.read();
    kv.close();
    assertEquals((await next).done, true);
  });
}

/** Waits until a watch has read. */
async function settled(kv: Deno.Kv): Promise<void> {
  for (let i = 0; i < 20; i++) await kv.get(["other"]);
}

function checks(kv: Deno.Kv, count: number): Promise<unknown> {
  const operation = kv.atomic();
  for (let i = 0; i < count; i++) operation.check({ key: [i], versionstamp: null });
  return operation.commit();
}

function deletes(kv: Deno.Kv, count: number): Promise<unknown> {
  const operation = kv.atomic();
  for (let i = 0; i < count; i++) operation.delete([i]);
  return operation.commit();
}

function sets(kv: Deno.Kv, count: number, valueSize: number, keySize: number): Promise<unknown> {
  const operation = kv.atomic();
  for (let i = 0; i < count; i++) operation.set(["x".repeat(keySize), i], new Uint8Array(valueSize));
  return operation.commit();
}
