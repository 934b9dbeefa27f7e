import { assertEquals } from "@std/assert";
import { type Clock, leaf, MapTable, nop, type Runnable, Supervisor, systemClock } from "@pact/supervisor";
import { idOf } from "../../src/inspect/key_id.ts";
import type { InspectedCluster, InspectedTable } from "../../src/inspect/mod.ts";
import { KvTable, type KvTableKey } from "../../src/kv/mod.ts";
import { Face, givesUp, statusOf } from "./fixtures.ts";

const failing = leaf(() => Promise.reject(new TypeError("fetch failed", { cause: new Error("connection refused") })));

function supervise<K>(table: MapTable<K, Runnable>): Supervisor<K, Runnable> {
  const supervisor = new Supervisor(table, { restart: { limit: 1 } });
  supervisor.subscribe(() => {});
  return supervisor;
}

const textsOf = ({ items }: { items: { key: unknown }[] }) => items.map(({ key }) => key);

Deno.test("api/processes lists each process with state, error and pause", async () => {
  const table = new MapTable<string, Runnable>([["acme", nop], ["bad", failing], ["calm", nop]]);
  table.pause("calm", { reason: "invoice 7", by: "billing" });
  const supervisor = supervise(table), face = new Face({ supervisor, table });
  await supervisor.run(async () => {
    const { items, cursor } = await face.json("/admin/api/processes");
    assertEquals(cursor, undefined);
    assertEquals(items.map(({ key, state, isSeen }: Record<string, unknown>) => [key, state, isSeen]), [
      ["acme", "running", true],
      ["bad", "parked", true],
      ["calm", "paused", true],
    ]);
    assertEquals(items[1].lastError.causes, ["Error: connection refused"]);
    assertEquals([items[2].pause.reason, items[2].pause.by], ["invoice 7", "billing"]);
  });
});

for (const state of ["running", "parked", "paused", "starting", "unowned"]) {
  Deno.test(`api/processes?state=${state} lists only those`, async () => {
    const table = new MapTable<string, Runnable>([["acme", nop], ["bad", failing], ["calm", nop]]);
    table.pause("calm");
    const supervisor = supervise(table), face = new Face({ supervisor, table });
    await supervisor.run(async () => {
      const expected = { running: ["acme"], parked: ["bad"], paused: ["calm"] }[state] ?? [];
      assertEquals(textsOf(await face.json(`/api/processes?state=${state}`)), expected);
    });
  });
}

Deno.test("api/processes?state=paused lists all keys while the whole table is paused", async () => {
  const table = new MapTable<string, Runnable>([["acme", nop], ["beta", nop]]);
  table.pauseAll();
  assertEquals(textsOf(await new Face({ table }).json("/api/processes?state=paused")), ["acme", "beta"]);
});

async function openTable(keys: readonly KvTableKey[]): Promise<{ kv: Deno.Kv; table: KvTable<KvTableKey, number> }> {
  const kv = await Deno.openKv(":memory:");
  const table = new KvTable<KvTableKey, number>(kv, { prefix: ["bots"], create: () => nop });
  for (const key of keys) await table.set(key, 1);
  return { kv, table };
}

const many: KvTableKey[] = [
  ...Array.from({ length: 20 }, (_, i) => `k${i % 7}/${i}`),
  "",
  "..",
  "\0",
  5n,
  -5n,
  0.5,
  12,
  true,
];

for (const kind of ["memory", "kv"] as const) {
  for (const limit of [1, 3, 7, 28, 1_000]) {
    Deno.test(`api/processes?limit=${limit} pages through every key of a table in ${kind} once`, async () => {
      const { kv, table: stored } = await openTable(many);
      using _kv = kv;
      const table = kind === "kv" ? stored : new MapTable(many.map((key) => [key, nop]));
      const face = new Face({ table }), ids: string[] = [];
      let cursor = "", pages = 0;
      do {
        const page = await face.json(`/api/processes?limit=${limit}${cursor && `&cursor=${cursor}`}`);
        ids.push(...page.items.map(({ id }: { id: string }) => id));
        cursor = page.cursor;
        pages++;
      } while (cursor !== undefined);
      assertEquals(ids.toSorted(), many.map(idOf).sort());
      assertEquals(pages, Math.ceil(many.length / limit));
    });
  }

  for (const search of ["", "k", "k3/", "k3/10", "x", ".", "5n", "1", "-", "t", "true", "0."]) {
    Deno.test(`api/processes?search=${search} finds the keys in ${kind} whose text begins so`, async () => {
      const { kv, table: stored } = await openTable(many);
      using _kv = kv;
      const table = kind === "kv" ? stored : new MapTable(many.map((key) => [key, nop]));
      const { items } = await new Face({ table }).json(
        `/api/processes?limit=1000&search=${encodeURIComponent(search)}`,
      );
      const text = (key: KvTableKey) => typeof key === "bigint" ? `${key}n` : `${key}`;
      const expected = many.filter((key) => text(key).startsWith(search)).map(idOf).sort();
      assertEquals(items.map(({ id }: { id: string }) => id).sort(), expected);
    });
  }
}

/** A face over a supervisor of three processes, of which "b" ends only when the gate opens. */
function lingering() {
  const gate = Promise.withResolvers<void>();
  const slow: Runnable = {
    run: async (callback, { signal }) => {
      await callback(signal);
      await gate.promise;
    },
  };
  const table = new MapTable<string, Runnable>([["a", nop], ["b", slow], ["c", nop]]);
  const supervisor = supervise(table), face = new Face({ supervisor, table });
  return { gate, table, supervisor, face };
}

Deno.test("api/processes shows a key whose entry is gone and whose process has not ended", async () => {
  const { gate, table, supervisor, face } = lingering();
  await supervisor.run(async () => {
    table.delete("b");
    while (supervisor.status("b")?.state !== "stopping") await new Promise((resolve) => setTimeout(resolve));
    for (const query of ["limit=2", "state=stopping"]) {
      const { items } = await face.json(`/api/processes?${query}`);
      assertEquals(items.at(-1).state, "stopping");
    }
    gate.resolve();
  });
});

Deno.test("api/processes?state=parked names no key whose entry was replaced or deleted while no instance ran it", async () => {
  using kv = await Deno.openKv(":memory:");
  let shiftMs = 0;
  const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + shiftMs };
  const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: number, _key: string): Runnable => failing });
  for (const key of ["a", "b", "c"]) await table.set(key, 1);
  const supervisor = new Supervisor(table, { restart: { limit: 1 } }), face = new Face({ table, clock });
  const run = async (keys: number) => {
    const parked = givesUp(supervisor, keys);
    await supervisor.run(() => parked);
  };
  await run(3);
  const parkedAfter = async (ms: number) => {
    shiftMs += ms;
    return textsOf(await face.json("/api/processes?state=parked"));
  };
  await kv.delete(["bots", "b"]);
  assertEquals(await parkedAfter(0), ["a", "c"]);
  assertEquals(await parkedAfter(60_000), ["a", "c"]);
  await table.set("c", 2);
  assertEquals(await parkedAfter(300_000), ["a"]);
  await run(1);
  assertEquals(await parkedAfter(60_000), ["a", "c"]);
});

Deno.test("api/processes shows a key once that is stopping and whose entry is still there", async () => {
  const { gate, table, supervisor, face } = lingering();
  await supervisor.run(async () => {
    table.pause("b");
    while (supervisor.status("b")?.state !== "stopping") await new Promise((resolve) => setTimeout(resolve));
    assertEquals(textsOf(await face.json("/api/processes")), ["a", "b", "c"]);
    gate.resolve();
  });
});

Deno.test("api/processes?state=paused tells of a pause as soon as it was asked for here", async () => {
  const { kv, table } = await openTable(["a", "b"]);
  using _kv = kv;
  const face = new Face({ table }), paused = async () => textsOf(await face.json("/api/processes?state=paused"));
  assertEquals(await paused(), []);
  await statusOf(face.post(`/api/processes/${idOf("a")}/pause`));
  assertEquals(await paused(), ["a"]);
  await statusOf(face.post(`/api/processes/${idOf("a")}/resume`));
  assertEquals(await paused(), []);
});

Deno.test("a page for a filter that hardly any key passes ends after 5 000 entries, and the next one goes on there", async () => {
  const all = Array.from({ length: 12_000 }, (_, key) => ({ key, get: () => nop }));
  let read = 0;
  const table: InspectedTable<number> = {
    get: () => Promise.resolve(undefined),
    [Symbol.asyncIterator]: () => Iterator.from([]) as never,
    page: ({ after = -1, limit = 100 }) => {
      const entries = all.slice(after + 1, after + 1 + limit), last = entries.at(-1)?.key ?? 0;
      read += entries.length;
      return Promise.resolve({ entries, ...last < 11_999 && { next: last } });
    },
  };
  const face = new Face({ table }), reads: number[] = [];
  let cursor = "";
  do {
    const page = await face.json(`/api/processes?state=running${cursor}`);
    reads.push(read);
    cursor = page.cursor && `&cursor=${page.cursor}`;
    assertEquals(page.items, []);
  } while (cursor);
  assertEquals(reads, [5_000, 10_000, 12_000]);
});

/** A cluster whose other instance says what its keys are like, and owns the key "owned". */
function seenCluster(unowned: readonly number[]): InspectedCluster {
  const session = { id: "other", isSelf: false, heartbeatAgeMs: 7, ttlMs: 9, slots: 1, accepts: true, isProven: true };
  const sessions = [{ ...session, revision: "", counts: { running: 1 } }];
  const slots = { total: 2, owned: [], handingOver: [], unowned };
  return {
    snapshot: () => ({ at: 1, state: "member", session: "self", sessions, slots }),
    sessionOf: (key) => key === "owned" ? { id: "other", isSelf: false, info: undefined } : undefined,
    subscribe: () => ({ [Symbol.dispose]() {} }),
    countBy: () => ({ [Symbol.dispose]() {} }),
  };
}

for (const unowned of [[], [0]]) {
  Deno.test(`api/overview with ${unowned.length} slots without an owner says whether it is complete`, async () => {
    const { isComplete, slots } = await new Face({ cluster: seenCluster(unowned) }).json("/api/overview");
    assertEquals([isComplete, slots], [unowned.length === 0, { total: 2, unowned: unowned.length }]);
  });
}

Deno.test("a key of another instance is told as paused, else by its trouble, else as unowned, else as running", async () => {
  const table = new MapTable<string, Runnable>(["lost", "owned", "parked", "paused"].map((key) => [key, nop]));
  for (const key of ["parked", "paused"]) {
    const { version } = (await table.get(key))!;
    table.report({ key, version }, { state: "parked", failures: 3, failingSinceAt: 1, changedAt: 2 });
  }
  table.pause("paused");
  const { items } = await new Face({ table, cluster: seenCluster([0]) }).json("/api/processes");
  const told = items.map((
    { key, state, sinceAt, failures, session, isSeen }: Record<string, unknown>,
  ) => [key, state, sinceAt === undefined, failures, session, isSeen]);
  assertEquals(told, [
    ["lost", "unowned", true, 0, undefined, false],
    ["owned", "running", true, 0, "other", false],
    ["parked", "parked", false, 3, undefined, false],
    ["paused", "paused", false, 3, undefined, false],
  ]);
});

Deno.test("a key of this instance is told as running, as those of others are, where no supervisor is looked at", async () => {
  const table = new MapTable<string, Runnable>([["acme", nop]]);
  const cluster = { ...seenCluster([]), sessionOf: () => ({ id: "self", isSelf: true, info: undefined }) };
  const { items: [{ state, isSeen, session }] } = await new Face({ table, cluster }).json("/api/processes");
  assertEquals([state, isSeen, session], ["running", false, "self"]);
});

Deno.test("api/processes takes a filter without a value as none", async () => {
  const face = new Face({ table: new MapTable<string, Runnable>([["acme", nop]]) });
  assertEquals(textsOf(await face.json("/api/processes?state=&search=&session=&limit=5")), ["acme"]);
});

for (
  const query of [
    "limit=0",
    "limit=1001",
    "limit=x",
    "limit=1.5",
    "limit=",
    "cursor=%25",
    "cursor=",
    "cursor=YQ",
    "state=bad",
  ]
) {
  Deno.test(`api/processes?${query} is 400`, async () => {
    const answer = await new Face({}).get(`/api/processes?${query}`);
    assertEquals([answer.status, answer.headers.get("content-type")], [400, "application/problem+json"]);
    await answer.body?.cancel();
  });
}

Deno.test("api/processes/:id tells of one process, with its spec only when that is asked for", async () => {
  const { kv, table } = await openTable(["acme"]);
  using _kv = kv;
  const path = `/api/processes/${idOf("acme")}`;
  assertEquals((await new Face({ table }).json(path)).spec, undefined);
  assertEquals((await new Face({ table, showSpec: true }).json(path)).spec, 1);
  const showSpec = (spec: number, key: string) => ({ [key]: spec, big: 5n });
  assertEquals((await new Face({ table, showSpec }).json(path)).spec, { acme: 1, big: "5n" });
  const failed = await new Face({ table, showSpec: () => Promise.reject(new Error("no\nway")) }).json(path);
  assertEquals([failed.spec, failed.specError], [undefined, "Error: no\\nway"]);
  assertEquals(await statusOf(new Face({ table }).get(`/api/processes/${idOf("other")}`)), 404);
  assertEquals(await statusOf(new Face({ table }).get("/api/processes/%2f")), 400);
});

for (const key of many) {
  Deno.test(`api/processes/${idOf(key)} finds its key`, async () => {
    const { kv, table } = await openTable(many);
    using _kv = kv;
    const { id, key: shown } = await new Face({ table }).json(`/api/processes/${idOf(key)}`);
    assertEquals([id, shown], [idOf(key), typeof key === "bigint" ? `${key}n` : key]);
  });
}

Deno.test("api/overview counts the keys of a supervisor", async () => {
  const table = new MapTable<string, Runnable>([["acme", nop], ["bad", failing], ["calm", nop]]);
  table.pause("calm");
  const supervisor = supervise(table), face = new Face({ supervisor, table, title: "bots" });
  await supervisor.run(async () => {
    await supervisor.reconcile();
    const overview = await face.json("/api/overview");
    assertEquals([overview.title, overview.isRunning, overview.desired, overview.troubles], ["bots", true, 2, 1]);
    assertEquals(overview.counts, { running: 1, parked: 1, paused: 1 });
    assertEquals([overview.sessions, overview.pass.failed], [[], 0]);
  });
});

Deno.test("api/overview is not complete when there is nothing to look at", async () => {
  const overview = await new Face({ table: new MapTable<string, Runnable>([["acme", nop]]) }).json("/api/overview");
  assertEquals([overview.isComplete, overview.desired, overview.pass], [false, 0, null]);
});
