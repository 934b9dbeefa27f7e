import { assertEquals, assertNotEquals } from "@std/assert";
import { nop } from "@pact/supervisor";
import { settle, watch, World } from "./fixtures/mod.ts";

/** Whatever a table without types may give. */
// deno-lint-ignore no-explicit-any
type Anything = any;

const oops = new Error("oops");
const fail = () => {
  throw oops;
};
const withoutRun = Object.defineProperty({}, "run", { get: fail });
const withoutThen = Object.defineProperty({}, "then", { get: fail });

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** Rows of which not even the key can be read. */
const unreadable: [string, () => Anything][] = [
  ["null", () => null],
  ["an entry whose key cannot be read", () => Object.defineProperty({ get: () => nop }, "key", { get: fail })],
];
/** Entries that cannot be started. */
const unstartable: [string, () => Anything][] = [
  [
    "an entry whose version cannot be read",
    () => Object.defineProperty({ key: "a", get: () => nop }, "version", { get: fail }),
  ],
  ["an entry that gives a runnable without a readable run", () => ({ key: "a", get: () => withoutRun })],
  [
    "an entry that promises a runnable without a readable run",
    () => ({ key: "a", get: () => Promise.resolve(withoutRun) }),
  ],
  ["an entry that gives a promise without a readable then", () => ({ key: "a", get: () => withoutThen })],
  ["an entry that gives a promise whose then throws", () => ({ key: "a", get: () => ({ then: fail }) })],
  ["an entry that gives a revoked proxy", () => ({ key: "a", get: revoked })],
  [
    "an entry whose lease has a signal that is none",
    () => ({ key: "a", lease: () => ({ signal: { aborted: false }, release() {} }), get: () => nop }),
  ],
];

/** A world whose table yields a bad entry and then a good one. */
function worldWith(entry: () => Anything): World {
  const world = new World({ good: {} }, { announces: false });
  const rows = world.table[Symbol.asyncIterator].bind(world.table);
  world.table[Symbol.asyncIterator] = async function* () {
    yield entry();
    yield* rows();
  };
  return world;
}

for (const [title, entry] of [...unreadable, ...unstartable]) {
  Deno.test(`Supervisor starts the others at once although the table yields ${title}`, async () => {
    await using world = worldWith(entry);
    await world.begin();
    assertEquals([world.stateOf("good"), world.time.now], ["running", 0]);
  });
}

for (const [title, entry] of unstartable) {
  Deno.test(`Supervisor announces once that the entry failed when the table yields ${title}`, async () => {
    await using world = worldWith(entry);
    await world.begin();
    const failures = world.journal.events.filter(({ type }) => type.endsWith("-failed"));
    assertEquals(failures.map(({ type }) => type), ["entry-failed"]);
  });

  Deno.test(`Supervisor tries again after the table has yielded ${title}`, async () => {
    await using world = worldWith(entry);
    world.table.rows.set("a", { build: () => nop }); // as it is when it is looked at
    await world.begin();
    await world.time.pass(1_000);
    assertEquals(world.stateOf("a"), "running");
  });

  Deno.test(`Supervisor.start() rejects when the table looks up ${title}`, async () => {
    await using world = new World({}, { announces: false });
    await world.begin();
    world.table.get = () => Promise.resolve(entry());
    const start = watch(world.supervisor.start("a"));
    await settle();
    assertNotEquals(start.fate, "pending");
  });
}
