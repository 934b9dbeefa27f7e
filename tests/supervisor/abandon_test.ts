import { AsyncLocalStorage } from "node:async_hooks";
import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { type Lease, ProcessStateError, ProcessStuckError } from "@pact/supervisor";
import { isAnyStuck } from "../../src/supervisor/attempt.ts";
import { type Bot, documentedOrder, settle, watch, World, type WorldOptions } from "./fixtures/mod.ts";

const oops = new Error("oops");
const deaf = { deaf: true, lingers: true };
const abandoning: WorldOptions = { onStuck: "abandon" };

/** Lets what was abandoned end. That two lives of a key were there at the same time is what was asked for. */
async function release(world: World, ...bots: Bot[]): Promise<void> {
  for (const bot of bots) bot.down.resolve();
  await settle();
  world.live.overlaps.length = 0;
}

Deno.test("Supervisor.run() abandons at its end what is to be abandoned, and names it afterwards until it ends", async () => {
  await using world = new World({ a: deaf }, abandoning);
  await world.begin();
  await world.leave();
  await world.time.pass(8_000);
  assertEquals([world.run.fate, world.supervisor.keys(), isAnyStuck()], ["resolved", [], true]);
  assertEquals(world.snapshot.abandoned.map(({ key }) => key), ["a"]);
  await release(world, world.bot("a"));
  assertEquals([world.snapshot.abandoned, isAnyStuck(), world.take().at(-1)], [
    [],
    false,
    "a abandoned-ended stopped 8000",
  ]);
});

Deno.test("Supervisor keeps a stuck process by default", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  world.table.set("a");
  await world.time.pass(1_000_000);
  assertEquals([world.stateOf("a"), world.snapshot.abandoned], ["stuck", []]);
});

Deno.test("Supervisor.abandon() frees the key of a stuck process, which starts again at once if it was asked to stop", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  const old = world.bot("a");
  world.table.set("a");
  await world.time.pass(9_000);
  world.take();
  world.supervisor.abandon("a");
  await settle();
  assertEquals(world.take(), ["a abandoned running stopped 9000 8000", "a starting change 1", "a running 0"]);
  assertEquals([world.stateOf("a"), world.live.overlaps], ["running", ["a"]]);
  assert(documentedOrder.test(world.journal.spell("a")), world.journal.spell("a"));
  await release(world, old);
});

Deno.test("Supervisor starts what it has abandoned after a stop by call, as the table has it", async () => {
  await using world = new World({ a: deaf }, abandoning);
  await world.begin();
  const old = world.bot("a");
  const stop = watch(world.supervisor.stop("a"));
  await world.time.pass(8_000);
  assertEquals([stop.fate, world.stateOf("a"), world.bot("a") === old], ["ProcessStuckError", "running", false]);
  await release(world, old);
});

Deno.test("Supervisor starts nothing when it has abandoned a process whose entry is gone", async () => {
  await using world = new World({ a: deaf }, abandoning);
  await world.begin();
  world.table.delete("a");
  await world.time.pass(8_000);
  assertEquals([world.supervisor.keys(), world.snapshot.counts], [[], {}]);
  await release(world, world.bot("a"));
});

Deno.test("Supervisor starts what has failed and was abandoned after its backoff", async () => {
  await using world = new World({ a: deaf }, { ...abandoning, livenessMs: 1_000, restart: { limit: 2 } });
  await world.begin();
  const old = world.bot("a");
  await world.time.pass(5_000);
  assertEquals(world.take().slice(2), [
    "a stuck 5000",
    `a abandoned running failed Cannot keep process "a" running: it has not called alive for 1000 ms 5000 5000`,
    "a retrying 1 1000 6000",
  ]);
  world.take();
  await world.time.pass(6_000);
  assertEquals(world.take().at(-1)?.slice(0, 16), "a parked limit 2");
  await release(world, old, world.bot("a"));
});

Deno.test("Supervisor retries a start-up that was late and abandoned", async () => {
  await using world = new World({ a: { hangs: true, deaf: true } }, { ...abandoning, startTimeoutMs: 500 });
  await world.begin();
  const old = world.bot("a");
  await world.time.pass(4_500);
  const { phase, outcome, error, uptimeMs } = world.journal.of("abandoned")[0];
  assertEquals([phase, outcome, (error as Error).name, uptimeMs], ["starting", "failed", "TimeoutError", 0]);
  assertEquals(world.stateOf("a"), "retrying");
  old.up.resolve();
  await settle();
  assertEquals([world.stateOf("a"), world.journal.of("abandoned-ended").length], ["retrying", 1]);
});

Deno.test("Supervisor tells when an abandoned process has ended after all, which does not concern its key", async () => {
  await using world = new World({ a: deaf }, abandoning);
  await world.begin();
  const old = world.bot("a");
  world.table.set("a");
  await world.time.pass(8_000);
  assertEquals(world.snapshot.abandoned, [{ key: "a", sinceAt: 8_000, version: 1 }]);
  await world.time.pass(1_000);
  world.take();
  await release(world, old);
  assertEquals([world.take(), world.snapshot.abandoned], [["a abandoned-ended stopped 8000"], []]);
  assertEquals([world.stateOf("a"), world.bot("a").runs], ["running", 1]);
});

Deno.test("Supervisor keeps the retry of a key when its abandoned process ends", async () => {
  await using world = new World({ a: deaf }, { ...abandoning, livenessMs: 1_000, restart: { minDelayMs: 10_000 } });
  await world.begin();
  await world.time.pass(5_000);
  await release(world, world.bot("a"));
  assertEquals([world.stateOf("a"), world.supervisor.status("a")?.retryAt], ["retrying", 15_000]);
  await world.time.pass(10_000);
  assertEquals(world.journal.of("starting").length, 2);
});

Deno.test("Supervisor tells what an abandoned process fails with in the end, once", async () => {
  await using world = new World({ a: deaf }, abandoning);
  await world.begin();
  const old = world.bot("a");
  world.table.delete("a");
  await world.time.pass(8_000);
  old.crash(oops);
  await settle();
  assertEquals(world.take().at(-1), "a abandoned-ended failed oops 8000");
  assertEquals([world.journal.tellings(oops), world.supervisor.status("a")], [1, undefined]);
});

Deno.test("Supervisor tells what the build of an abandoned process fails with in the end", async () => {
  const gate = Promise.withResolvers<never>();
  await using world = new World({ a: { build: () => gate.promise } }, { ...abandoning, startTimeoutMs: 500 });
  await world.begin();
  world.table.set("a", {});
  await world.time.pass(4_500);
  assertEquals(world.stateOf("a"), "running");
  gate.reject(oops);
  await settle();
  assertEquals([world.take().at(-1), world.stateOf("a")], ["a abandoned-ended failed oops 4000", "running"]);
});

Deno.test("Supervisor runs nothing that is built for a process that was abandoned", async () => {
  const gate = Promise.withResolvers<{ run(): Promise<void> }>();
  let runs = 0;
  await using world = new World({ a: { build: () => gate.promise } }, abandoning);
  await world.begin();
  world.table.delete("a");
  await world.time.pass(4_000);
  gate.resolve({ run: () => Promise.resolve(void runs++) });
  await settle();
  assertEquals([runs, world.take().at(-1)], [0, "a abandoned-ended stopped 4000"]);
});

Deno.test("Supervisor keeps a stuck process while three abandoned lives of its key go on, until one of them ends", async () => {
  await using world = new World({ a: deaf }, abandoning);
  await world.begin();
  const bots: Bot[] = [];
  for (let lives = 0; lives < 4; lives++) {
    bots.push(world.bot("a"));
    world.table.set("a", deaf);
    await world.time.pass(8_000);
  }
  assertEquals([world.stateOf("a"), world.snapshot.abandoned.length], ["stuck", 3]);
  const abandon = () => world.supervisor.abandon("a");
  const said = 'Cannot abandon process "a" while three abandoned lives of it go on: its state is "stuck"';
  assertThrows(abandon, ProcessStateError, said);
  bots[1].down.resolve();
  await settle();
  assertEquals([world.stateOf("a"), world.snapshot.abandoned.length], ["running", 3]);
  await release(world, ...bots, world.bot("a"));
});

Deno.test("Supervisor abandons what its entry says, and keeps what it does not", async () => {
  await using world = new World({ a: deaf, b: deaf }, abandoning);
  const { get } = world.table;
  const keep = { onStuck: "keep" as const };
  world.table.get = (key) => get.call(world.table, key).then((entry) => entry && { ...entry, options: () => keep });
  await world.begin();
  await world.supervisor.reconcile();
  const old = world.bot("a");
  world.table.set("a", deaf);
  await world.time.pass(8_000);
  world.table.set("a", deaf);
  await world.time.pass(8_000);
  assertEquals([world.stateOf("a"), world.snapshot.abandoned.map(({ key }) => key)], ["stuck", ["a"]]);
  await release(world, old, world.bot("a"));
});

const states: [string, (world: World) => unknown, string][] = [
  ["running", () => {}, "running"],
  ["stopping", (world) => watch(world.supervisor.stop("a")), "stopping"],
  ["retrying", async (world) => {
    world.bot("a").crash();
    await settle();
  }, "retrying"],
  ["nothing to the supervisor", async (world) => {
    world.table.delete("a");
    await world.time.pass(8_000);
    world.bot("a").down.resolve();
    await settle();
  }, "absent"],
];
for (const [title, prepare, state] of states) {
  Deno.test(`Supervisor.abandon() throws ProcessStateError when the key is ${title}`, async () => {
    await using world = new World({ a: deaf });
    await world.begin();
    await prepare(world);
    const error = assertThrows(() => world.supervisor.abandon("a"), ProcessStateError, 'Cannot abandon process "a"');
    assertEquals(error.state, state);
    world.bot("a").down.resolve();
  });
}

Deno.test("Supervisor.abandon() throws TypeError at what cannot be a key", async () => {
  await using world = new World();
  assertThrows(() => world.supervisor.abandon({} as string), TypeError, "as a key");
});

/** A lease that writes down what becomes of it. */
function leaseOf(calls: unknown[], canBeRevoked = true): Lease {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    release: () => void calls.push("released"),
    ...canBeRevoked && {
      revoke(reason: unknown) {
        calls.push(["revoked", reason]);
        controller.abort(reason);
      },
    },
  };
}

Deno.test("Supervisor revokes the lease of what it abandons, then gives it back, and no second time at the end", async () => {
  await using world = new World();
  await world.begin();
  const calls: unknown[] = [];
  world.table.set("a", deaf);
  world.table.rows.get("a")!.lease = () => leaseOf(calls);
  await settle();
  world.table.delete("a");
  await world.time.pass(8_000);
  assertEquals(calls, []);
  world.supervisor.abandon("a");
  const [[revoked, reason], released] = calls as [[string, ProcessStuckError], string];
  assertInstanceOf(reason, ProcessStuckError);
  assertEquals([revoked, reason.key, reason.sinceAt, released, calls.length], ["revoked", "a", 8_000, "released", 2]);
  await release(world, world.bot("a"));
  assertEquals(calls.length, 2);
});

Deno.test("Supervisor gives a lease back that cannot be revoked, and tells of a revoke that throws or rejects", async () => {
  await using world = new World();
  await world.begin();
  const throwing = () => {
    throw oops;
  };
  const revokes: Record<string, Partial<Lease>> = {
    a: {},
    b: { revoke: throwing },
    c: { revoke: () => Promise.try(throwing) },
  };
  for (const [key, revoke] of Object.entries(revokes)) {
    const calls: unknown[] = [];
    const lease = leaseOf(calls, false);
    world.table.set(key, deaf);
    world.table.rows.get(key)!.lease = () => ({ ...lease, ...revoke });
    await settle();
    world.table.delete(key);
    await world.time.pass(8_000);
    world.supervisor.abandon(key);
    assertEquals(calls, ["released"]);
    await release(world, world.bot(key));
  }
  assertEquals(world.journal.of("entry-failed").map(({ key, error }) => [key, error]), [["b", oops], ["c", oops]]);
});

Deno.test("Supervisor.abandon() frees a key that is stuck since an earlier run, also between runs", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  const old = world.bot("a");
  await world.end();
  world.supervisor.abandon("a");
  assertEquals(world.supervisor.keys(), []);
  await world.begin();
  assertEquals([world.stateOf("a"), world.bot("a") === old], ["running", false]);
  world.bot("a").down.resolve();
  await release(world, old);
});

for (const minDelayMs of [0, 1_000]) {
  Deno.test(`Supervisor starts what a caller has abandoned in the context of its run, after ${minDelayMs} ms`, async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const options = { livenessMs: 1_000, restart: { minDelayMs } };
    await using world = new World({ a: deaf }, options);
    world.table.onBuild = () => void seen.push(storage.getStore());
    await storage.run("run", () => world.begin());
    const old = world.bot("a");
    await world.time.pass(5_000);
    storage.run("request", () => world.supervisor.abandon("a"));
    await world.time.pass(1_000);
    assertEquals(seen, ["run", "run"]);
    await release(world, old, world.bot("a"));
  });
}
