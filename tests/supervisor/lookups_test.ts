import { assertEquals } from "@std/assert";
import { systemClock } from "@pact/supervisor";
import { Lookups, type Sought } from "../../src/supervisor/lookups.ts";
import { type Bot, settle, TestTable, watch } from "./fixtures/mod.ts";

const oops = new Error("oops");
/** Looks in these tests are answered, or held back for ever. */
const timeless = { ...systemClock, timer: () => ({ cancel: () => {} }) };

/** Looks into a table whose answers a test holds back. */
function lookupsOf(keys: string[]) {
  const table = new TestTable();
  for (const key of keys) table.set(key);
  const controller = new AbortController();
  const told: string[] = [];
  const lookups = new Lookups<string, Bot>(table, timeless, controller.signal, (step) => step());
  /** Who is looked up, and writes down what it is told. */
  const sought = new Map(["a", "b", "c"].map((key): [string, Sought<string, Bot>] => [key, {
    key,
    look: undefined,
    lookedInPass: 0,
    looked: (entry) => void told.push(`${key} ${entry?.version}`),
    lookFailed: (error) => void told.push(`${key} ${error}`),
  }]));
  const look = (key: string) => lookups.look(sought.get(key)!);
  const knowsBetter = (key: string) => lookups.knowsBetter(key, sought.get(key));
  return { table, told, controller, lookups, look, knowsBetter, sought };
}

Deno.test("Lookups.look() tells what the table answers", async () => {
  const { told, look } = lookupsOf(["a"]);
  await look("a");
  await look("b");
  assertEquals(told, ["a 1", "b undefined"]);
});

Deno.test("Lookups.look() tells that the table failed", async () => {
  const { table, told, look } = lookupsOf(["a"]);
  table.onLook = () => Promise.reject(oops);
  await look("a");
  assertEquals(told, ["a Error: oops"]);
});

Deno.test("Lookups.look() looks once more, and only once, when asked during a look", async () => {
  const { table, told, look } = lookupsOf(["a"]);
  const gate = Promise.withResolvers<void>();
  table.onAnswer = () => gate.promise;
  const looking = watch(look("a"));
  await settle();
  for (let i = 0; i < 5; i++) look("a");
  table.set("a");
  gate.resolve();
  await settle();
  assertEquals([told, table.looks, looking.fate], [["a 1", "a 2"], ["a", "a"], "resolved"]);
});

Deno.test("Lookups.look() looks at different keys at the same time", async () => {
  const { table, look } = lookupsOf(["a", "b"]);
  table.onAnswer = () => new Promise(() => {});
  look("a");
  look("b");
  await settle();
  assertEquals(table.looks, ["a", "b"]);
});

Deno.test("Lookups tells no answer after its signal has aborted, but an error that does not come from that", async () => {
  const { table, told, controller, look } = lookupsOf(["a"]);
  const gate = Promise.withResolvers<void>();
  table.onAnswer = (key) => key === "a" ? gate.promise : gate.promise.then(() => Promise.reject(oops));
  look("a");
  look("b");
  await settle();
  controller.abort();
  gate.resolve();
  await settle();
  assertEquals(told, ["b Error: oops"]);
});

Deno.test("Lookups does not tell the echo of its own abort", async () => {
  const { table, told, controller, look } = lookupsOf(["a"]);
  const gate = Promise.withResolvers<void>();
  table.onAnswer = () => gate.promise.then(() => Promise.reject(controller.signal.reason));
  look("a");
  await settle();
  controller.abort();
  gate.resolve();
  await settle();
  assertEquals(told, []);
});

Deno.test("Lookups.lookAfresh() does not act upon the answer to a look that began before", async () => {
  const { table, told, lookups, look, sought } = lookupsOf(["a"]);
  const gate = Promise.withResolvers<void>();
  table.onAnswer = () => gate.promise;
  look("a");
  await settle();
  lookups.lookAfresh(sought.get("a")!, true);
  table.set("a");
  gate.resolve();
  await settle();
  assertEquals(told, ["a 2"]);
});

Deno.test("Lookups hands a signal to the table that aborts with its own, for the same reason", async () => {
  const { table, controller, look } = lookupsOf([]);
  let given: AbortSignal | undefined;
  table.get = (_key: string, options?: { signal?: AbortSignal }) => {
    given = options?.signal;
    return Promise.resolve(undefined);
  };
  await look("a");
  const before = given?.aborted;
  controller.abort(oops);
  assertEquals([before, given?.aborted, given?.reason], [false, true, oops]);
});

Deno.test("Lookups.knowsBetter() of what was looked at since the pass began, or is, or was under way then", async () => {
  const { table, lookups, look, knowsBetter } = lookupsOf(["a", "b", "c"]);
  await look("a");
  const gate = Promise.withResolvers<void>();
  table.onAnswer = () => gate.promise;
  const looking = look("b");
  lookups.beginPass(1);
  assertEquals(["a", "b", "c"].map(knowsBetter), [false, true, false]);
  gate.resolve();
  await looking;
  await look("c");
  assertEquals(["a", "b", "c"].map(knowsBetter), [false, true, true]);
  lookups.endPass();
  lookups.beginPass(2);
  assertEquals(["a", "b", "c"].map(knowsBetter), [false, false, false]);
});

Deno.test("Lookups.knowsBetter() of a key that a look found missing during the pass, although it is forgotten", async () => {
  const { lookups, look } = lookupsOf(["a"]);
  lookups.beginPass(1);
  await look("a");
  await look("b");
  assertEquals(["a", "b"].map((key) => lookups.knowsBetter(key, undefined)), [false, true]);
});

Deno.test("Lookups.idle() resolves when the last look has ended", async () => {
  const { table, lookups, look } = lookupsOf(["a", "b"]);
  await lookups.idle();
  const gates = { a: Promise.withResolvers<void>(), b: Promise.withResolvers<void>() };
  table.onAnswer = (key) => gates[key as "a" | "b"].promise;
  look("a");
  look("b");
  const idle = watch(lookups.idle());
  gates.a.resolve();
  await settle();
  assertEquals(idle.fate, "pending");
  gates.b.resolve();
  await settle();
  assertEquals(idle.fate, "resolved");
});

Deno.test("Lookups has at most two unanswered looks at a key, whatever falls between the turns", async () => {
  for (let shift = 0; shift < 64; shift++) {
    const answers: (() => void)[] = [];
    let watch = () => {};
    const clock = {
      ...systemClock,
      timer: (callback: () => void) => {
        watch = callback;
        return { cancel: () => {} };
      },
    };
    const table = {
      get: (key: string) =>
        key === "x" ? Promise.resolve(undefined) : new Promise<undefined>((r) => answers.push(() => r(undefined))),
      async *[Symbol.asyncIterator]() {},
    };
    const lookups = new Lookups<string, never>(table as never, clock, new AbortController().signal, (step) => step());
    const make = (key: string): Sought<string, never> => ({
      key,
      look: undefined,
      lookedInPass: 0,
      looked() {},
      lookFailed() {},
    });
    const a = make("a"), x = make("x");
    for (let i = 0; i < shift; i++) {
      lookups.lookAfresh(x, false);
      await settle();
    }
    const giveUp = () => {
      for (let i = 0; i < 4; i++) watch();
    };
    for (let i = 0; i < 2; i++) {
      lookups.lookAfresh(a, false);
      await settle();
      giveUp();
      await settle();
    }
    lookups.lookAfresh(a, false); // held
    await settle();
    for (let i = 0; i < 3; i++) watch();
    lookups.lookAfresh(a, false); // "instead"
    watch(); // the held one is given up, and another one follows it
    answers.shift()!(); // one of the two is answered in the same turn
    await settle();
    giveUp();
    await settle();
    lookups.lookAfresh(a, false);
    await settle();
    assertEquals(answers.length <= 2, true, `${answers.length} unanswered at shift ${shift}`);
  }
});
