import { assertEquals, assertThrows } from "@std/assert";
import { type Entry, type EntryOptions, MapTable, nop, Supervisor } from "@pact/supervisor";
import { Bot, settle, watch, World, type WorldOptions } from "./fixtures/mod.ts";

/** Whatever a caller without types may give. */
// deno-lint-ignore no-explicit-any
type Anything = any;

/** A world with a key "a" that has options, and a key "b" that has none. */
function worldOf(ask: () => Anything, manners = {}, options: WorldOptions = {}) {
  const world = new World({ a: manners, b: manners }, options);
  const { get } = world.table, rows = world.table[Symbol.asyncIterator].bind(world.table);
  const treat = (entry: Entry<string, Bot> | undefined) => entry?.key === "a" ? { ...entry, options: ask } : entry;
  world.table.get = (key) => get.call(world.table, key).then(treat);
  world.table[Symbol.asyncIterator] = async function* () {
    for await (const entry of { [Symbol.asyncIterator]: rows }) yield treat(entry)!;
  };
  return world;
}

const answers: [string, (options: EntryOptions) => unknown][] = [
  ["at once", (options) => options],
  ["with a promise", (options) => Promise.resolve(options)],
];
for (const [title, answer] of answers) {
  Deno.test(`Supervisor obeys startTimeoutMs of an entry that answers ${title}`, async () => {
    await using world = worldOf(() => answer({ startTimeoutMs: 500 }), { hangs: true });
    await world.begin();
    await world.time.pass(499);
    assertEquals([world.stateOf("a"), world.stateOf("b")], ["starting", "starting"]);
    await world.time.pass(1);
    assertEquals([world.stateOf("a"), world.stateOf("b")], ["retrying", "starting"]);
  });

  Deno.test(`Supervisor obeys startTimeoutMs Infinity of an entry that answers ${title}`, async () => {
    await using world = worldOf(() => answer({ startTimeoutMs: Infinity }), { hangs: true }, { startTimeoutMs: 500 });
    await world.begin();
    await world.time.pass(500);
    assertEquals([world.stateOf("a"), world.stateOf("b")], ["starting", "retrying"]);
  });

  Deno.test(`Supervisor obeys stopTimeoutMs of an entry that answers ${title}`, async () => {
    await using world = worldOf(() => answer({ stopTimeoutMs: 500 }), { lingers: true });
    await world.begin();
    const stops = ["a", "b"].map((key) => watch(world.supervisor.stop(key)));
    await world.time.pass(500);
    assertEquals(stops.map(({ fate }) => fate), ["resolved", "pending"]);
  });

  Deno.test(`Supervisor obeys livenessMs of an entry that answers ${title}`, async () => {
    await using world = worldOf(() => answer({ livenessMs: Infinity }), {}, { livenessMs: 500 });
    await world.begin();
    await world.time.pass(500);
    assertEquals([world.stateOf("a"), world.stateOf("b")], ["running", "retrying"]);
  });

  Deno.test(`Supervisor obeys restart of an entry that answers ${title}, field by field`, async () => {
    const restart = { minDelayMs: 5 };
    const supervisors = { restart: { factor: 3, jitter: 0 } };
    await using world = worldOf(() => answer({ restart }), { startError: new Error("oops") }, supervisors);
    await world.begin();
    await world.time.pass(19);
    const told = world.journal.of("retrying").map(({ key, delayMs }) => `${key} ${delayMs}`).sort();
    assertEquals(told, ["a 15", "a 5", "b 1000"]);
  });
}

Deno.test("Supervisor asks for the options of an entry at each start", async () => {
  let asked = 0;
  await using world = worldOf(() => ({ restart: { minDelayMs: 10 * ++asked } }), { startError: new Error("oops") });
  await world.begin();
  await world.time.pass(60);
  assertEquals(world.journal.of("retrying").filter(({ key }) => key === "a").map(({ delayMs }) => delayMs), [
    10,
    40,
    120,
  ]);
});

Deno.test("Supervisor counts the answer of an entry to its start-up, whose limit counts from the beginning", async () => {
  const answer = Promise.withResolvers<EntryOptions>();
  await using world = worldOf(() => answer.promise, { hangs: true });
  await world.begin();
  await world.time.pass(400);
  answer.resolve({ startTimeoutMs: 500 });
  await world.time.pass(99);
  assertEquals(world.stateOf("a"), "starting");
  await world.time.pass(1);
  assertEquals(world.stateOf("a"), "retrying");
});

Deno.test("Supervisor gives up a start-up whose entry never says its options", async () => {
  await using world = worldOf(() => new Promise(() => {}), {}, { startTimeoutMs: 500 });
  await world.begin();
  await world.time.pass(500);
  assertEquals([world.stateOf("a"), world.bot("a")], ["stopping", undefined]);
});

Deno.test("Supervisor builds nothing for a key that was stopped before its entry said its options", async () => {
  const answer = Promise.withResolvers<EntryOptions>();
  await using world = worldOf(() => answer.promise);
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  answer.resolve({});
  await settle();
  assertEquals([stop.fate, world.bot("a")], ["resolved", undefined]);
});

const wrong: [string, Anything, string][] = [
  ["null", null, "Cannot use the options of an entry: they must be an object, current value is null"],
  ["a text", "fast", "Cannot use the options of an entry: they must be an object, current value is fast"],
  ["a wrong number", { stopTimeoutMs: -1 }, "Cannot use the option stopTimeoutMs: it must be a number from 0"],
  [
    "a wrong limit",
    { startTimeoutMs: 0 },
    "Cannot use the option startTimeoutMs: it must be Infinity or a number from 1",
  ],
  ["a wrong shape", { startTimeoutMs: "5" }, "Cannot use the option startTimeoutMs: it must be a number"],
  ["a wrong word", { onStuck: "kill" }, 'Cannot use the option onStuck: it must be "keep" or "abandon"'],
  ["a wrong restart", { restart: { limit: 0 } }, "Cannot use the option restart.limit: it must be a whole number"],
  ["a restart that is none", { restart: "never" }, "Cannot use the option restart: it must be an object"],
  [
    "a misspelt name",
    { startTimeout: 5 },
    "Cannot use the option startTimeout: it must be one of restart, startTimeoutMs",
  ],
  [
    "a misspelt name in restart",
    { restart: { min: 5 } },
    "Cannot use the option restart.min: it must be one of restart.",
  ],
  ["bounds that cross", { restart: { minDelayMs: 6, maxDelayMs: 5 } }, "restart.minDelayMs: it must be at most"],
];
for (const [title, options, message] of wrong) {
  for (const [how, answer] of answers) {
    Deno.test(`Supervisor fails only the entry whose options are ${title}, answered ${how}`, async () => {
      await using world = worldOf(() => answer(options));
      await world.begin();
      const [{ key, error }] = world.journal.of("entry-failed");
      assertEquals([key, (error as Error).message.includes(message)], ["a", true], String(error));
      assertEquals([world.stateOf("a"), world.stateOf("b"), world.bot("a")], ["retrying", "running", undefined]);
    });
  }

  Deno.test(`MapTable.set() throws at options that are ${title}, and changes nothing`, () => {
    const table = new MapTable([["a", nop]]);
    assertThrows(() => table.set("a", nop, options), Error, message);
    assertThrows(() => table.set("b", nop, options), Error, message);
    assertEquals([...table].map(({ key, version }) => [key, version]), [["a", 1]]);
  });
}

for (const how of ["throw", "reject"]) {
  Deno.test(`Supervisor fails only the entry whose options ${how}`, async () => {
    const error = new Error("no such row");
    await using world = worldOf(() => {
      if (how === "reject") return Promise.reject(error);
      throw error;
    });
    await world.begin();
    assertEquals(world.journal.of("entry-failed").map((event) => event.error), [error]);
    assertEquals([world.stateOf("a"), world.stateOf("b")], ["retrying", "running"]);
  });
}

Deno.test("Supervisor fails the entry whose bounds cross only with those of the supervisor", async () => {
  const restart = { minDelayMs: 10_000 };
  new MapTable<string, typeof nop>().set("a", nop, { restart });
  await using world = worldOf(() => ({ restart }), {}, { restart: { maxDelayMs: 5_000 } });
  await world.begin();
  assertEquals(world.journal.of("entry-failed").map(({ key }) => key), ["a"]);
});

Deno.test("MapTable.set() gives the key the options of the last call, and copies them", async () => {
  await using world = new World();
  const table = new MapTable<string, Bot>();
  const bots = ["a", "b", "c"].map((key) => new Bot(key, { hangs: true }));
  const options = { startTimeoutMs: 500, restart: { limit: 1 } };
  for (const bot of bots) table.set(bot.key, bot, options);
  table.set("b", bots[1]);
  table.set("c", bots[2], {});
  options.restart.limit = 5;
  const supervisor = new Supervisor(table);
  supervisor.subscribe(() => {});
  const stop = Promise.withResolvers<void>();
  const run = supervisor.run(() => stop.promise);
  await world.time.pass(1_000);
  assertEquals(supervisor.snapshot().processes.map(({ key, state }) => [key, state]), [
    ["a", "parked"],
    ["b", "starting"],
    ["c", "starting"],
  ]);
  stop.resolve();
  await settle();
  await run;
});

Deno.test("Supervisor.run() gives each key its own budget at its end, counted from one moment", async () => {
  for (const stopTimeoutMs of [500, 9_000]) {
    await using world = worldOf(() => ({ stopTimeoutMs }), { lingers: true, deaf: true });
    await world.begin();
    await world.leave();
    const [first, last] = [Math.min(stopTimeoutMs, 4_000), Math.max(stopTimeoutMs, 4_000)];
    await world.time.pass(first - 1);
    assertEquals(["a", "b"].map((key) => world.bot(key).signal?.aborted), [false, false]);
    await world.time.pass(1);
    assertEquals(["a", "b"].map((key) => world.bot(key).signal?.aborted), [
      stopTimeoutMs < 4_000,
      stopTimeoutMs > 4_000,
    ]);
    await world.time.pass(2 * last - first - 1);
    assertEquals(world.run.fate, "pending");
    await world.time.pass(1);
    const stuck = world.journal.of("stuck").map(({ key, at }) => [key, at]).sort();
    assertEquals([world.run.fate, stuck], ["resolved", [["a", 2 * stopTimeoutMs], ["b", 8_000]]]);
  }
});

Deno.test("Supervisor.run() that is forced gives each key its own budget as well", async () => {
  await using world = worldOf(() => ({ stopTimeoutMs: 9_000 }), { lingers: true, deaf: true });
  await world.begin();
  world.force.abort(new Error("now"));
  await world.leave();
  await world.time.pass(8_999);
  assertEquals([world.run.fate, world.journal.of("stuck").map(({ key }) => key)], ["pending", ["b"]]);
  await world.time.pass(1);
  assertEquals([world.run.fate, world.journal.of("stuck").map(({ key }) => key)], ["resolved", ["b", "a"]]);
});
