/** What `changes` does where a watch sees everybody, and what each change and each hour cost. */

import { assert, assertEquals } from "@std/assert";
import { ChangeFeed } from "../../src/kv/change_feed.ts";
import { ChangeLog } from "../../src/kv/change_log.ts";
import { DatabaseReplacedError, History } from "../../src/kv/history.ts";
import { Keyspace, type KvTableKey } from "../../src/kv/keyspace.ts";
import { KvStore } from "../../src/kv/store.ts";
import { Versions } from "../../src/kv/versions.ts";
import type { WatchSees } from "../../src/kv/watch_sees.ts";
import { endWatch, failWith, FaultyKv, type KvOperation, staleWatch } from "../../src/testing/mod.ts";
import { MemoryKv } from "../memory_kv/memory_kv.ts";
import { botTable, settle } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

const operations: readonly KvOperation[] = ["get", "getMany", "list", "set", "delete", "commit"];
const hourMs = 3_600_000;

/** A database whose watch a test can blind, or tell what to say. */
class WatchedKv extends FaultyKv {
  /** Whether watches that are opened from now on tell of nothing but what they find at first. */
  isBlind = false;
  /** How many watches were opened, and how many are open. */
  opened = 0;
  open = 0;
  #tell: (versionstamp: string) => void = () => {};

  override watch<T extends readonly unknown[]>(keys: readonly [...{ [K in keyof T]: Deno.KvKey }]) {
    this.opened++;
    this.open++;
    if (this.isBlind) this.inject("watch", staleWatch(), 2);
    const reader = super.watch<T>(keys).getReader();
    let isOpen = true;
    const ended = () => {
      if (isOpen) this.open--;
      isOpen = false;
    };
    return new ReadableStream({
      start: (controller) => {
        this.#tell = (versionstamp) => controller.enqueue([{ key: keys[0], value: 1, versionstamp }] as never);
      },
      pull: async (controller) => {
        const { done, value } = await reader.read().catch((error) => {
          ended();
          throw error;
        });
        if (!done) return controller.enqueue(value);
        ended();
        controller.close();
      },
      cancel: async () => {
        ended();
        await reader.cancel();
      },
    }, { highWaterMark: 0 }) as ReturnType<FaultyKv["watch"]> as never;
  }

  /** Has the watch tell of a generation. */
  tell(versionstamp: string): void {
    this.#tell(versionstamp);
  }

  /** How many calls there were, by kind; those there were none of are left out. */
  get calls(): Partial<Record<KvOperation, number>> {
    return Object.fromEntries(operations.map((name) => [name, this.count(name)]).filter(([, count]) => count !== 0));
  }
}

/** A feed over a database that another handle writes, its time, and what it has named. */
function follow({ watchSees = "everybody", pollMs = 30_000, random = () => 0.5, isBlind = false }: {
  watchSees?: WatchSees;
  pollMs?: number;
  random?: () => number;
  isBlind?: boolean;
} = {}) {
  const database = new MemoryKv();
  const server = { kv: database.open() };
  const asked: unknown[] = [];
  const kv = new WatchedKv(
    new Proxy(server.kv, {
      get(_, name) {
        const method = Reflect.get(server.kv, name);
        if (typeof method !== "function") return method;
        return (...args: unknown[]) => {
          asked.push(...args.filter((arg) => Object(arg).consistency !== undefined));
          return Reflect.apply(method, server.kv, args);
        };
      },
    }),
  );
  kv.isBlind = isBlind;
  const clock = new ManualClock();
  const keys = new Keyspace(["bots"]);
  const store = new KvStore(kv, { clock, timeoutMs: 10_000, random });
  const history = new History();
  const log = new ChangeLog(store, { keys, clock, retentionMs: hourMs, random });
  const ending = new AbortController();
  const feed: ChangeFeed<KvTableKey> = new ChangeFeed<KvTableKey>({
    kv,
    generation: keys.generation,
    log,
    history,
    versions: new Versions(history),
    clock,
    watchSees,
    pollMs,
    random,
    signal: ending.signal,
    feeds: new Set(),
    progress: { position: undefined, history: 0 },
  });
  const named: (KvTableKey | undefined)[] = [];
  const failures: unknown[] = [];
  return {
    server,
    database,
    history,
    /** What the stream failed with. */
    failures,
    /** The options of calls that ask for another consistency than the strong one, which is the default. */
    asked,
    kv,
    clock,
    keys,
    feed,
    other: botTable(database.open()),
    /** What was named since it was asked last. */
    take: () => named.splice(0),
    /** Reads what comes, once the feed has found the end of the log. */
    async begin() {
      (async () => {
        for await (const key of feed.stream) named.push(key);
      })().catch((error) => failures.push(error));
      await settle();
    },
    /** Lets time pass, timer by timer. */
    async pass(ms: number) {
      await settle();
      for (let leftMs = ms; leftMs > 0;) {
        const stepMs = Math.min(leftMs, clock.nextMs);
        leftMs -= stepMs;
        clock.advance(stepMs);
        for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await settle();
      assertEquals([clock.pending, kv.open], [0, 0], "timers and watches after the end");
    },
  };
}

for (
  const [watchSees, pollMs, calls] of [
    ["everybody", 30_000, { get: 121 }],
    ["this process", 200, { get: 18_001 }],
  ] as const
) {
  Deno.test(`KvTable.changes() costs ${calls.get} reads an hour at rest where a watch sees ${watchSees}`, async () => {
    await using world = follow({ watchSees, pollMs });
    await world.begin();
    await world.pass(hourMs);
    assertEquals([world.kv.calls, world.kv.opened, world.feed.reopenings], [calls, 1, 0]);
  });
}

for (const [random, delayMs] of [[0, 27_000], [0.5, 30_000], [0.999999, 33_000]]) {
  Deno.test(`KvTable.changes() polls after ${delayMs} ms where a watch sees everybody and chance is ${random}`, async () => {
    await using world = follow({ random: () => random });
    await world.begin();
    assertEquals(world.clock.nextMs, delayMs);
  });
}

for (const watchSees of ["everybody", "this process"] as const) {
  Deno.test(`KvTable.changes() reads the log and nothing else for a change that the watch of ${watchSees} tells of`, async () => {
    await using world = follow({ watchSees });
    await world.other.set("before", 1);
    await world.begin();
    for (const key of ["a", "b"]) {
      await world.other.set(key, 1);
      await settle();
      assertEquals(world.take(), [key]);
    }
    assertEquals(world.kv.calls, { get: 1, list: 2 });
  });
}

Deno.test("KvTable.changes() reads the log and nothing else for a write of its own", async () => {
  await using world = follow();
  await world.begin();
  const tell = world.feed.writing("a");
  await world.other.set("a", 1);
  const { versionstamp } = await world.kv.get(world.keys.generation);
  tell(versionstamp ?? undefined);
  await settle();
  assertEquals([world.take(), world.kv.calls], [["a"], { get: 2, list: 1 }]); // one of them is the test's own
});

Deno.test("KvTable.changes() reads the generation after a write of its own that may have landed", async () => {
  await using world = follow({ isBlind: true });
  await world.begin();
  const tell = world.feed.writing("a");
  await world.other.set("a", 1);
  tell();
  await settle();
  assertEquals([world.take(), world.kv.calls], [["a"], { get: 2, list: 1 }]);
});

Deno.test("KvTable.changes() reads the generation when the watch goes back, and takes it for late when nothing has changed", async () => {
  await using world = follow();
  await world.other.set("before", 1);
  await world.begin();
  await world.other.set("a", 1);
  await settle();
  const { calls } = world.kv;
  for (const versionstamp of ["00000000000000000001", ""]) world.kv.tell(versionstamp);
  await settle();
  await world.other.set("b", 1);
  await settle();
  assertEquals([world.take(), world.kv.calls], [["a", "b"], { get: calls.get! + 2, list: 2 }]);
});

Deno.test("KvTable.changes() is not led astray by a watch that tells of a generation that the database does not have", async () => {
  await using world = follow();
  await world.other.set("before", 1);
  await world.begin();
  world.kv.tell("000000000000ffff0000"); // of the history before the database was set back: it is late
  await settle();
  const { calls } = world.kv;
  await world.pass(10_000);
  assertEquals(world.kv.calls, calls);
  await world.other.set("a", 1);
  await world.pass(40_000);
  assertEquals([world.take(), world.failures, world.history.number], [["a"], [], 0]);
});

/** What has become of a database, and what shows that. */
const replacements: [what: string, replace: (world: ReturnType<typeof follow>) => Promise<void>, evidence: RegExp][] = [
  [
    "set back",
    () => Promise.resolve(),
    /^the last change that was seen is gone, 0+30000, and the last one is now 0+10000$/,
  ],
  [
    "emptied",
    (world) => Promise.resolve(world.database.restore(new MemoryKv().copy())),
    /and the last one is now none$/,
  ],
  ["set back, and as many changes were made there since", async ({ other }) => {
    for (let i = 0; i < 2; i++) await other.set("new", i);
  }, /^another change has the versionstamp of the last one that was seen, 0+30000$/],
  ["set back, and more changes were made there since", async ({ other }) => {
    for (let i = 0; i < 5; i++) await other.set("new", i);
  }, /^another change has the versionstamp of the last one that was seen, 0+30000$/],
  ["set back, and so much was written that its number was none of a change", async ({ other, database }) => {
    for (let i = 0; i < 5; i++) await database.set(["out"], i);
    await other.set("new", 1);
  }, /^the last change that was seen is gone, 0+30000/],
];

for (const [what, replace, evidence] of replacements) {
  for (const isBlind of [false, true]) {
    const how = isBlind ? "a poll" : "its watch";
    Deno.test(`KvTable.changes() finds by ${how} that the database was ${what}`, async () => {
      await using world = follow({ isBlind });
      const { other, database } = world;
      await other.set("before", 1);
      const copy = database.copy();
      await world.begin();
      for (let i = 0; i < 2; i++) await other.set("lost", i);
      if (isBlind) await world.pass(31_000);
      else await settle();
      assertEquals([world.take().at(-1), world.failures], ["lost", []]);
      world.kv.inject("get", (call) => call());
      database.restore(copy);
      await replace(world);
      if (isBlind) await world.pass(31_000);
      else await settle();
      const [failure] = world.failures;
      assert(failure instanceof DatabaseReplacedError && evidence.test(failure.evidence), String(failure));
      assertEquals([world.take(), world.history.number], [[], 1]);
    });
  }
}

Deno.test("KvTable.changes() fails when another reader of the same handle finds that the database was replaced", async () => {
  await using world = follow();
  await world.begin();
  world.history.changed("its session is gone");
  await settle();
  assertEquals(
    String(world.failures[0]),
    `DatabaseReplacedError: ${new DatabaseReplacedError("its session is gone").message}`,
  );
});

Deno.test("KvTable.changes() looks at everything, once, while the generation cannot be read and the log has expired", async () => {
  await using world = follow({ isBlind: true });
  await world.other.set("before", 1);
  const { versionstamp } = await world.database.get(world.keys.generation);
  await world.begin();
  await world.database.delete(world.keys.log(versionstamp!));
  world.kv.inject("get", failWith(new TypeError("could not deserialize value")), 3);
  await world.pass(95_000);
  assertEquals([world.take(), world.failures], [[undefined], []]);
  await world.other.set("a", 1);
  await world.pass(31_000);
  assertEquals([world.take(), world.failures], [["a"], []]);
});

Deno.test("KvTable.changes() looks at everything when the record of the generation was deleted, and goes on", async () => {
  await using world = follow();
  await world.begin();
  await world.other.set("a", 1);
  await settle();
  await world.database.delete(world.keys.generation);
  await settle();
  assertEquals([world.take(), world.failures], [["a", undefined], []]);
  await world.other.set("b", 1);
  await settle();
  assertEquals([world.take().at(-1), world.failures], ["b", []]);
});

Deno.test("KvTable.changes() reads the generation and the log strongly", async () => {
  await using world = follow();
  await world.begin();
  await world.other.set("a", 1);
  await world.pass(60_000);
  assertEquals([world.take(), world.kv.calls, world.asked], [["a"], { get: 3, list: 1 }, []]);
});

Deno.test("KvTable.changes() finds with a poll what a blind watch does not tell", async () => {
  await using world = follow({ isBlind: true });
  await world.begin();
  await world.other.set("a", 1);
  await world.pass(29_999);
  assertEquals(world.take(), []);
  await world.pass(1);
  assertEquals(world.take(), ["a"]);
});

Deno.test("KvTable.changes() opens a blind watch again, counts it, and hears by it", async () => {
  await using world = follow({ isBlind: true });
  await world.begin();
  await world.other.set("a", 1);
  world.kv.isBlind = false;
  await world.pass(30_000);
  assertEquals([world.take(), world.feed.reopenings, world.kv.opened, world.kv.open], [["a"], 1, 2, 1]);
  await world.other.set("b", 1);
  await settle();
  assertEquals(world.take(), ["b"]);
  await world.pass(hourMs);
  assertEquals(world.feed.reopenings, 1);
});

Deno.test("KvTable.changes() opens a blind watch again although its own writes have found everything", async () => {
  await using world = follow({ isBlind: true });
  await world.begin();
  for (let i = 0; i < 3; i++) {
    const tell = world.feed.writing("a");
    await world.other.set("a", i);
    await world.pass(10_000 - 1);
    tell();
    await settle();
  }
  assertEquals([world.take(), world.feed.reopenings], [["a", "a", "a"], 0]);
  await world.pass(3);
  assertEquals(world.feed.reopenings, 1, "once: a write that may have landed says nothing of the watch");
});

Deno.test("KvTable.changes() opens a blind watch again although a write of its own fails just when the poll is due", async () => {
  await using world = follow({ isBlind: true });
  await world.begin();
  const tell = world.feed.writing("a");
  await world.other.set("a", 1);
  world.clock.advance(30_000);
  tell();
  await settle();
  assertEquals([world.take(), world.feed.reopenings], [["a"], 1]);
});

Deno.test("KvTable.changes() leaves no watch behind, at whatever moment of a poll it ends", async () => {
  for (let hops = 0; hops < 30; hops++) {
    await using world = follow({ isBlind: true });
    await world.begin();
    await world.other.set("a", 1);
    world.kv.inject("list", async (call) => {
      const row = await call();
      void (async () => {
        for (let hop = 0; hop < hops; hop++) await undefined;
        await world.feed.stream.return();
      })();
      return row;
    });
    await world.pass(30_000);
  }
});

Deno.test("KvTable.changes() opens a watch that fails again with the next poll", async () => {
  await using world = follow();
  await world.begin();
  world.kv.cutWatches(new Error("cut"));
  await world.pass(29_999);
  assertEquals(world.kv.opened, 1);
  await world.pass(1);
  assertEquals([world.kv.opened, world.feed.reopenings], [2, 1]);
  await world.other.set("a", 1);
  await settle();
  assertEquals(world.take(), ["a"]);
});

Deno.test("KvTable.changes() opens a watch that ends by itself again with the next poll", async () => {
  await using world = follow();
  world.kv.inject("watch", (call) => call());
  world.kv.inject("watch", endWatch());
  await world.begin();
  await world.pass(29_999);
  assertEquals(world.kv.opened, 1);
  await world.pass(1);
  assertEquals([world.kv.opened, world.feed.reopenings], [2, 1]);
  await world.other.set("a", 1);
  await settle();
  assertEquals(world.take(), ["a"]);
});

Deno.test("KvTable.changes() opens a watch that could not read the generation again when that has changed", async () => {
  await using world = follow();
  world.kv.inject("watch", failWith(new TypeError("could not deserialize value")));
  await world.begin();
  await world.pass(hourMs);
  assertEquals(world.kv.opened, 1);
  await world.other.set("a", 1);
  await world.pass(30_000);
  assertEquals([world.take(), world.kv.opened, world.feed.reopenings], [["a"], 2, 1]);
});

Deno.test("KvTable.changes() never opens its watch again where that sees this process only", async () => {
  await using world = follow({ watchSees: "this process", pollMs: 200, isBlind: true });
  await world.begin();
  await world.other.set("a", 1);
  await world.pass(1_000);
  assertEquals([world.take(), world.kv.opened, world.feed.reopenings], [["a"], 1, 0]);
});

Deno.test("KvTable.changes() reads nothing again for what both the watch and its own write tell", async () => {
  await using world = follow();
  await world.begin();
  const tell = world.feed.writing("a");
  await world.other.set("a", 1);
  await settle();
  const told = (await world.kv.get(world.keys.generation)).versionstamp ?? undefined;
  tell(told);
  await settle();
  assertEquals([world.take(), world.kv.calls], [["a"], { get: 2, list: 1 }]);
});
