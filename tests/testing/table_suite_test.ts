import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { Runnable } from "../../src/process/runnable.ts";
import { MapTable } from "../../src/table/map_table.ts";
import type { Entry, Table } from "../../src/table/table.ts";
import { type TableBuild, tableChecks, type TableHarness, testTable } from "../../src/testing/mod.ts";

type Sound = MapTable<string, Runnable>;
type Spoil = (table: Sound) => Partial<Table<string, Runnable>>;

/** A table as a user would write it: rows in an array. */
class ArrayTable implements Table<string, Runnable> {
  constructor(readonly rows: { key: string; flavour: string }[], readonly build: TableBuild<string>) {}

  #entry({ key, flavour }: { key: string; flavour: string }): Entry<string, Runnable> {
    return { key, version: flavour, get: () => this.build(key, flavour) };
  }

  async get(key: string, options?: { signal?: AbortSignal }): Promise<Entry<string, Runnable> | undefined> {
    options?.signal?.throwIfAborted();
    const row = await Promise.resolve(this.rows.find((row) => row.key === key));
    return row && this.#entry(row);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Entry<string, Runnable>> {
    for (const row of [...this.rows]) yield this.#entry(row);
  }
}

testTable<string>("A table over an array", {
  keys: ["a", "b", "c", "d"],
  open(build) {
    const table = new ArrayTable([], build);
    const remove = (key: string) => table.rows.splice(0, Infinity, ...table.rows.filter((row) => row.key !== key));
    return {
      table,
      set: (key, flavour) => {
        remove(key);
        table.rows.push({ key, flavour });
      },
      delete: remove,
    };
  },
});

/** A sound table in which some methods are replaced by bad ones. */
function harness(spoil: Spoil): TableHarness<string> {
  return {
    keys: ["a", "b", "c"],
    timeoutMs: 1_000,
    open(build) {
      const sound: Sound = new MapTable();
      const table: Table<string, Runnable> = {
        get: (key, options) => sound.get(key, options),
        [Symbol.asyncIterator]: () => sound[Symbol.asyncIterator](),
        changes: (options) => sound.changes(options),
        ...spoil(sound),
      };
      return {
        table,
        set: (key, flavour) => sound.set(key, () => build(key, flavour)),
        delete: (key) => sound.delete(key),
        pause: (key) => sound.pause(key),
        resume: (key) => sound.resume(key),
      };
    },
  };
}

const iterate = (iterator: () => AsyncIterator<Entry<string, Runnable>>) => ({ [Symbol.asyncIterator]: iterator });

/** Lets the given function look at every entry before it is handed out, by whatever way. */
function mapped(table: Sound, map: (entry: Entry<string, Runnable>) => Entry<string, Runnable>) {
  return {
    get: async (key: string, options?: { signal?: AbortSignal }) => {
      const entry = await table.get(key, options);
      return entry && map(entry);
    },
    async *[Symbol.asyncIterator]() {
      for await (const entry of table) yield map(entry);
    },
  };
}

/** All of a table that iterates and remembers. */
const whole = (table: Sound) => mapped(table, (entry) => entry);

const entryIn = (table: Sound, key: string) => [...table].find((entry) => entry.key === key)!;

const copyOf = (entry: Entry<string, Runnable>, changes: Partial<Entry<string, Runnable>> | false) => ({
  key: entry.key,
  version: entry.version,
  pause: entry.pause,
  get: () => entry.get(),
  ...changes,
});

const flaws: [promise: number, flaw: string, problem: string, spoil: Spoil][] = [
  [1, "get() of an absent key rejects", "not found", (table) => ({
    get: (key) => table.has(key) ? table.get(key) : Promise.reject(new Error("not found")),
  })],
  [1, "get() invents entries", "get() finds an entry in an empty table", (table) => ({
    get: async (key) => await table.get(key) ?? { key, get: () => Promise.reject(new Error("invented")) },
  })],
  [1, "get() finds another entry", 'get("b") finds the entry of "not b"', (table) => ({
    get: async (key) => {
      const entry = await table.get(key);
      return entry && { key: `not ${key}`, get: () => entry.get() };
    },
  })],
  [
    1,
    "get() never finds anything",
    'get("b") does not find the entry',
    () => ({ get: () => Promise.resolve(undefined) }),
  ],
  [
    1,
    "absence() takes what is deleted for moved",
    "absence() says of an entry that was deleted that it is elsewhere",
    () => ({
      absence: () => ({ cause: "moved", error: new Error("elsewhere") }),
    }),
  ],
  [1, "get() never answers for a key that is there", 'get("b") takes longer than 1000 ms', (table) => ({
    get: (key) => table.has(key) ? new Promise(() => {}) : table.get(key),
  })],
  [
    2,
    "iteration yields everything twice",
    'a full table gives ["a", "b", "c", "a", "b", "c"] instead of ["a", "b", "c"]',
    (table) =>
      iterate(async function* () {
        yield* table;
        yield* table;
      }),
  ],
  [
    2,
    "iteration misses the last entry",
    'a full table gives ["a", "b"] instead of ["a", "b", "c"]',
    (table) =>
      iterate(async function* () {
        let last: Entry<string, Runnable> | undefined;
        for await (const entry of table) {
          if (last) yield last;
          last = entry;
        }
      }),
  ],
  [
    2,
    "iteration yields a key again that is deleted and set again",
    'a table whose first key is set again meanwhile gives ["a", "b", "c", "a"] instead of ["a", "b", "c"]',
    (table) =>
      iterate(async function* () {
        for (const key of table.keys()) yield (await table.get(key))!;
      }),
  ],
  [
    2,
    "iteration remembers what was deleted",
    'a table without its first key gives ["a", "b", "c"] instead of ["b", "c"]',
    (table) => {
      const known = new Map<string, Entry<string, Runnable>>();
      return iterate(async function* () {
        for await (const entry of table) known.set(entry.key, entry);
        yield* known.values();
      });
    },
  ],
  [
    3,
    "iteration ends when an entry fails",
    'a table with one broken entry gives ["a", "b"] instead of ["a", "b", "c"]',
    (table) =>
      iterate(async function* () {
        let hasFailed = false;
        const get = async (entry: Entry<string, Runnable>) => {
          try {
            return await entry.get();
          } catch (error) {
            hasFailed = true;
            throw error;
          }
        };
        for await (const entry of table) {
          yield { key: entry.key, get: () => get(entry) };
          if (hasFailed) return;
        }
      }),
  ],
  [
    3,
    "an entry that fails is left out",
    'a table with one broken entry gives ["a", "c"] instead of ["a", "b", "c"]',
    (table) =>
      iterate(async function* () {
        for await (const entry of table) if (entry.key !== "b") yield entry;
      }),
  ],
  [
    3,
    "entries hide that they fail",
    'a search for broken entries gives [] instead of ["b"]',
    (table) =>
      mapped(table, (entry) => ({
        key: entry.key,
        get: async () => {
          try {
            return await entry.get();
          } catch {
            return { run: () => Promise.resolve() };
          }
        },
      })),
  ],
  [
    4,
    "return() never settles",
    "return() takes longer than 1000 ms",
    (table) => iterate(() => ({ ...bare(table), return: () => new Promise(() => {}) })),
  ],
  [
    4,
    "return() rejects",
    "cannot return",
    (table) => iterate(() => ({ ...bare(table), return: () => Promise.reject(new Error("cannot return")) })),
  ],
  [
    4,
    "next() goes on after return()",
    "next() yields an entry after return()",
    (table) => iterate(() => ({ ...bare(table), return: () => Promise.resolve({ done: true, value: undefined }) })),
  ],
  [
    4,
    "return() is not the end",
    "return() is not the end",
    (table) => iterate(() => ({ ...bare(table), return: () => bare(table).next() })),
  ],
  [
    4,
    "a lock is kept by an iteration that is left early",
    'a table after an iteration that was left early gives [] instead of ["a", "b", "c"]',
    (table) => {
      let isLocked = false;
      return iterate(() => {
        const { next } = bare(table);
        const wasLocked = isLocked;
        isLocked = true;
        let isOver = wasLocked;
        return {
          next: () => isOver ? Promise.resolve({ done: true, value: undefined }) : next(),
          return: () => {
            isOver = true;
            return Promise.resolve({ done: true, value: undefined });
          },
        };
      });
    },
  ],
  [
    5,
    "version is always the same",
    "version is the same though the value was replaced",
    (table) => mapped(table, ({ key, get }) => ({ key, version: 1, get })),
  ],
  [
    5,
    "version is always another",
    "version differs though nothing was replaced",
    (table) => mapped(table, ({ key, get }) => ({ key, version: {}, get })),
  ],
  [5, "an iteration knows other versions than get()", "an iteration gives another version than get()", (table) => ({
    get: (key, options) => table.get(key, options),
    [Symbol.asyncIterator]: mapped(table, ({ key, get }) => ({ key, version: 0, get }))[Symbol.asyncIterator],
  })],
  [5, "entries are built from the first value", "the entry does not build from the value that replaced it", (table) => {
    const first = new Map<string, Entry<string, Runnable>>();
    return mapped(table, (entry) => {
      if (!first.has(entry.key)) first.set(entry.key, entry);
      return { key: entry.key, version: entry.version, get: () => first.get(entry.key)!.get() };
    });
  }],
  [
    5,
    "a report changes the version",
    "report() changes the version",
    (table) => ({ ...whole(table), report: ({ key }) => void table.restart(key) }),
  ],
  [
    5,
    "a report is forgotten",
    "an entry does not tell of the trouble that was reported",
    (table) => ({ ...whole(table), report: () => {} }),
  ],
  [
    5,
    "the end of a trouble is forgotten",
    "an entry tells of a trouble that has ended",
    (table) => ({ ...whole(table), report: (entry, trouble) => trouble && table.report(entry, trouble) }),
  ],
  [
    5,
    "a report about an old version is kept",
    "an entry tells of the trouble that the version before had",
    (table) => ({
      ...whole(table),
      report: async ({ key }, trouble) => table.report((await table.get(key))!, trouble),
    }),
  ],
  [
    5,
    "an entry keeps its pause to itself",
    "an entry does not tell that it is paused",
    (table) => mapped(table, ({ key, version, get }) => ({ key, version, get: get.bind(entryIn(table, key)) })),
  ],
  [
    5,
    "a pause changes the version",
    "a pause changes the version",
    (table) => mapped(table, (entry) => copyOf(entry, { version: entry.pause ? `${entry.version}` : entry.version })),
  ],
  [
    5,
    "a pause is for ever",
    "an entry tells of a pause that has ended",
    (table) => {
      let isPaused = false;
      return mapped(table, (entry) => {
        isPaused ||= entry.pause !== undefined;
        return copyOf(entry, isPaused && { pause: { at: 1 } });
      });
    },
  ],
  [
    6,
    "options are no object",
    "options() gives 5 instead of an object",
    (table) => mapped(table, (entry) => copyOf(entry, { options: () => 5 as never })),
  ],
  [6, "get() builds the runnable", "a runnable is built though no process is about to start", (table) => ({
    get: async (key) => {
      const entry = await table.get(key);
      const runnable = await entry?.get();
      return runnable && { key, get: () => runnable };
    },
  })],
  [
    6,
    "iteration builds the runnables",
    "a runnable is built though no process is about to start",
    (table) =>
      iterate(async function* () {
        for await (const entry of table) {
          const runnable = await entry.get();
          yield { key: entry.key, get: () => runnable };
        }
      }),
  ],
  [
    6,
    "entries build nothing",
    "the entry's get() builds nothing",
    (table) => mapped(table, ({ key, version }) => ({ key, version, get: () => ({ run: () => Promise.resolve() }) })),
  ],
  [
    7,
    "changes() announces nothing",
    'the change of "a" takes longer than 1000 ms',
    () => ({ changes: ({ signal }) => untilAborted(signal) }),
  ],
  [7, "changes() begins too late", 'the change of "a" takes longer than 1000 ms', (table) => ({
    changes: async function* (options) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      yield* table.changes(options);
    },
  })],
  [7, "changes() names a key only once", 'the change of "a" takes longer than 1000 ms', (table) => ({
    changes: async function* (options) {
      const known = new Set<string | undefined>();
      for await (const key of table.changes(options)) {
        if (!known.has(key)) yield key;
        known.add(key);
      }
    },
  })],
  [
    7,
    "changes() forgets what happens while its reader is busy",
    'the change of "b" and "c" takes longer than 1000 ms',
    (table) => ({
      changes: async function* ({ signal }) {
        while (!signal.aborted) {
          const controller = new AbortController();
          const forward = () => controller.abort();
          signal.addEventListener("abort", forward);
          for await (const key of table.changes({ signal: controller.signal })) {
            controller.abort();
            yield key;
          }
          signal.removeEventListener("abort", forward);
        }
      },
    }),
  ],
  [7, "changes() does not end on abort", "the end of changes() on abort takes longer than 1000 ms", (table) => ({
    changes: () => table.changes({ signal: new AbortController().signal }),
  })],
  [7, "changes() ends by itself", "changes() ends by itself", (table) => ({
    changes: async function* (options) {
      for await (const key of table.changes(options)) {
        yield key;
        return;
      }
    },
  })],
  [
    7,
    "changes() waits though its signal has aborted",
    "the end of changes() on abort takes longer than 1000 ms",
    (table) => ({
      changes: (options) =>
        options.signal.aborted ? table.changes({ signal: new AbortController().signal }) : table.changes(options),
    }),
  ],
  ...[0, NaN, Infinity, 2_147_483_648].map((sweepMs): typeof flaws[number] => [
    7,
    `sweepMs is ${sweepMs}`,
    `sweepMs is ${sweepMs} instead of a number from 1 to 2147483647`,
    () => ({ sweepMs }),
  ]),
  [7, "sweepMs is a promise without changes()", "there is a sweepMs without changes()", () => ({
    sweepMs: 900_000,
    changes: undefined,
  })],
  [
    8,
    "get() does not look at its signal",
    "get() does not reject with the reason of its signal, but resolves",
    (table) => ({ get: (key) => table.get(key) }),
  ],
  [
    8,
    "get() rejects with a reason of its own",
    "get() does not reject with the reason of its signal, but Error: aborted",
    (table) => ({
      get: (key, options) => options?.signal?.aborted ? Promise.reject(new Error("aborted")) : table.get(key),
    }),
  ],
  [
    8,
    "get() looks at its signal only when the key is there",
    "get() does not reject with the reason of its signal, but resolves",
    (table) => ({
      get: (key, options) => table.has(key) ? table.get(key, options) : table.get(key),
    }),
  ],
];

/** An iterator without `return`. */
function bare(table: Sound): { next: () => Promise<IteratorResult<Entry<string, Runnable>>> } {
  const iterator = table[Symbol.asyncIterator]();
  return { next: () => iterator.next() };
}

/** Changes that say nothing and end on abort. */
function untilAborted(signal: AbortSignal): AsyncIterable<undefined> {
  const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
  return { [Symbol.asyncIterator]: () => ({ next: () => aborted.then(() => ({ done: true, value: undefined })) }) };
}

/** Runs a check as if it had all the time it wants. */
async function hurried(check: () => Promise<void>): Promise<void> {
  using time = new FakeTime();
  let isOver = false;
  const outcome = check().finally(() => isOver = true);
  outcome.catch(() => {});
  for (let i = 0; i < 100 && !isOver; i++) await time.tickAsync(100);
  return await outcome;
}

for (const [promise, flaw, problem, spoil] of flaws) {
  Deno.test(`tableChecks() finds that promise ${promise} is broken when ${flaw}`, async () => {
    const check = tableChecks(harness(spoil))[promise - 1];
    assertEquals(check.name[0], String(promise));
    await assertRejects(() => hurried(check.check), Error, problem);
  });
}

Deno.test("tableChecks() finds nothing wrong with a sound table, nor with one that has only what it must", async () => {
  const minimal: Spoil = (table) => ({ changes: undefined, ...iterate(() => bare(table)) });
  for (const spoil of [() => ({}), minimal]) {
    for (const { check } of tableChecks(harness(spoil))) await hurried(check);
  }
});

Deno.test("tableChecks() waits 10 s by default and says what it waited for", async () => {
  const { open, keys } = harness(() => ({ changes: ({ signal }) => untilAborted(signal) }));
  const check = tableChecks({ open, keys })[6];
  await assertRejects(() => hurried(check.check), Error, 'the change of "a" takes longer than 10000 ms');
});

Deno.test("tableChecks() refuses fewer than three different keys", () => {
  assertThrows(() => tableChecks({ ...harness(() => ({})), keys: ["a", "b", "a"] }), TypeError, "three different keys");
});

Deno.test("tableChecks() closes every table that it opens, after a failure too", async () => {
  let opened = 0;
  const { keys, open } = harness((table) => ({ get: (key) => table.get(key) }));
  const checks = tableChecks<string>({
    keys,
    async open(build) {
      opened++;
      return { ...await open(build), close: () => opened-- };
    },
  });
  for (const { check } of checks) await check().catch(() => {});
  assertEquals(opened, 0);
});

Deno.test("testTable() registers one test for each promise, with the sanitizers on", () => {
  const tests: Deno.TestDefinition[] = [];
  testTable("Mine", harness(() => ({})), { test: (definition) => tests.push(definition) });
  assertEquals(tests.map(({ name }) => name.slice(0, 7)), [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `Mine ${n}:`));
  assertEquals(tests.every((test) => test.sanitizeOps && test.sanitizeResources), true);
});
