/** What an outage leaves behind in an instance, what it says of it, and what its end sets off. */

import { assert, assertEquals } from "@std/assert";
import { leaf, Supervisor } from "@pact/supervisor";
import { KvTable } from "../../src/kv/mod.ts";
import { hang, holdUntil, type KvFault } from "../../src/testing/mod.ts";
import { watch } from "../supervisor/fixtures/mod.ts";
import { manyKeys, settleMs, World } from "./fixtures.ts";

const heartbeatMs = 5_000;
const defaults = { heartbeatMs, ttlMs: 3 * heartbeatMs, watchSees: "everybody" } as const;
const minuteMs = 60_000;
/** What an idle instance may leave unanswered at most, however long the outage is; its two watches are on top of what is counted. */
const maxPending = 20 - 2;
/** In the end a supervisor makes a pass, and tries to follow the changes, once a minute each, and tells of each failure. */
const maxTold = 3 * 60;

/** An instance whose calls can be made to go unanswered: refused ones are repeated, and land when the database is back. */
async function outage(kind: "swallowed" | "refused") {
  const world = await World.open(manyKeys(20));
  const one = world.instance("a", defaults);
  one.begin();
  await world.pass(heartbeatMs + settleMs);
  const back = Promise.withResolvers<void>();
  const state = { pending: 0, failedPasses: 0 };
  one.supervisor.subscribe((event) => void (event.type === "table-failed" && state.failedPasses++));
  const fault = kind === "refused" ? holdUntil(back.promise) : hang();
  const counted: KvFault = (call, readings) => {
    state.pending++;
    return fault(call, readings).finally(() => state.pending--);
  };
  one.take();
  one.events.length = 0;
  one.kv.break(counted);
  const end = () => {
    one.kv.break();
    back.resolve();
  };
  return { world, one, state, end };
}

for (const kind of ["swallowed", "refused"] as const) {
  Deno.test(`an instance whose calls are ${kind} for an hour leaves at most ${maxPending} unanswered, and runs again`, async () => {
    const { world, one, state, end } = await outage(kind);
    await using _world = world;
    await world.pass(minuteMs);
    const afterMinute = state.pending;
    await world.pass(59 * minuteMs);
    assert(afterMinute <= maxPending, `${afterMinute} calls after a minute`);
    assert(state.pending <= maxPending, `${state.pending} calls after an hour`);
    assertEquals(one.keys, []);
    assert(state.failedPasses <= 5, `the supervisor has announced ${state.failedPasses} failures of its table`);
    const told = one.events.map(({ type }) => type).filter((type) => type !== "slot-released");
    assertEquals(told, ["database-unavailable", "session-fenced"]);
    end();
    // Without a URL to ask for, the next probe comes after as long as the outage was; what was refused is repeated by Deno.
    await world.pass(kind === "refused" ? 2 * heartbeatMs : 60 * minuteMs);
    assertEquals(one.keys.length, 20);
    const [{ forMs }] = one.of("database-available");
    assertEquals(one.of("database-available").length, 1);
    assert(forMs > 59 * minuteMs && forMs < 121 * minuteMs, `${forMs} ms`);
    assertEquals(one.of("cluster-failed"), []);
  });
}

Deno.test("a supervisor without a cluster leaves few calls of an hour unanswered, and finds what was changed meanwhile", async () => {
  await using world = await World.open(manyKeys(20));
  const kv = world.database.handle();
  const { clock } = world;
  const table = new KvTable(kv, {
    prefix: ["bots"],
    clock,
    watchSees: "everybody",
    create: (_spec: null, _key: string) => leaf(untilAborted),
  });
  const supervisor = new Supervisor(table, { clock, random: () => 0.5 });
  let told = 0, pending = 0;
  supervisor.subscribe(({ type }) => void (type === "table-failed" && told++));
  const over = Promise.withResolvers<void>();
  const run = watch(supervisor.run(() => over.promise));
  await world.pass(heartbeatMs);
  const back = Promise.withResolvers<void>();
  kv.break((call, readings) => {
    pending++;
    return holdUntil(back.promise)(call, readings).finally(() => pending--);
  });
  await world.pass(60 * minuteMs);
  assert(pending <= 16, `${pending} calls after an hour`);
  assert(told > 0 && told < maxTold, `the supervisor has announced ${told} failures of its table`);
  assertEquals(supervisor.keys().length, 20); // what runs goes on
  await world.writer.delete("key-0");
  kv.break();
  back.resolve();
  await world.pass(2 * minuteMs);
  assertEquals(supervisor.keys().length, 19);
  over.resolve();
  await world.pass(minuteMs);
  assertEquals([run.fate, run.error], ["resolved", undefined]);
});

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
