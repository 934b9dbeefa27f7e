import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { type Lease, ProcessNotFoundError } from "@pact/supervisor";
import { systemClock, turn } from "../../src/clock.ts";
import { Leases } from "../../src/supervisor/leases.ts";
import { countingSignal } from "../process/signals.ts";
import { Bot, settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");
const lost = new Error("lease lost");

/** A lease that counts its releases. */
class TestLease implements Lease {
  readonly controller = new AbortController();
  releases = 0;
  onRelease: () => void | Promise<void> = () => {};

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  release(): void | Promise<void> {
    this.releases++;
    return this.onRelease();
  }
}

/** A world with one row "a" that is built under what `lease` gives. */
function leasedWorld(lease: () => Lease | undefined, manners = {}): World {
  const world = new World();
  const build = () => {
    const bot = new Bot("a", manners, world.live);
    world.table.bots.set("a", bot);
    return bot;
  };
  world.table.set("a", { build, lease });
  return world;
}

Deno.test("Supervisor asks for the lease right before the start, once for each", async () => {
  const asked: number[] = [];
  await using world = leasedWorld(() => {
    asked.push(world.time.now);
    return new TestLease();
  });
  await world.begin();
  world.bot("a").crash();
  await world.time.pass(2_000);
  assertEquals(asked, [0, 1_000]);
});

Deno.test("Supervisor skips an entry that gives no lease", async () => {
  await using world = leasedWorld(() => undefined);
  await world.begin();
  assertEquals([world.take(), world.supervisor.keys(), world.callbacks], [[], [], 1]);
});

Deno.test("Supervisor starts an entry that it skipped at the next pass when it gives a lease then", async () => {
  let lease: Lease | undefined = undefined;
  await using world = leasedWorld(() => lease);
  await world.begin();
  lease = new TestLease();
  await world.time.pass(60_000);
  assertEquals(world.take(), ["a starting reconcile 1", "a running 0"]);
});

Deno.test("Supervisor.start() rejects with ProcessNotFoundError when the entry gives no lease", async () => {
  await using world = leasedWorld(() => undefined);
  await world.begin();
  await assertRejects(() => world.supervisor.start("a"), ProcessNotFoundError, "does not own the entry");
});

Deno.test("Supervisor gives a lease back that has ended before the start, and skips the entry", async () => {
  const lease = new TestLease();
  lease.controller.abort(lost);
  await using world = leasedWorld(() => lease);
  await world.begin();
  assertEquals([lease.releases, world.supervisor.keys()], [1, []]);
});

Deno.test("Supervisor announces that a lease which had ended before the start could not be given back", async () => {
  const lease = new TestLease();
  lease.controller.abort(lost);
  lease.onRelease = () => Promise.reject(oops);
  await using world = leasedWorld(() => lease);
  await world.begin();
  assertEquals(world.take(), ["a entry-failed oops"]);
});

Deno.test("Supervisor gives a lease back after the process has ended, once", async () => {
  const lease = new TestLease();
  await using world = leasedWorld(() => lease, { lingers: true });
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  await settle();
  assertEquals(lease.releases, 0);
  world.bot("a").down.resolve();
  await settle();
  assertEquals([lease.releases, stop.fate], [1, "resolved"]);
});

const ends: [string, object, (world: World) => unknown][] = [
  ["crashed", {}, (world) => world.bot("a").crash()],
  ["returned", {}, (world) => world.bot("a").leave()],
  ["failed to start", { startError: oops }, () => {}],
  ["was removed", {}, (world) => world.table.delete("a")],
];
for (const [title, manners, end] of ends) {
  Deno.test(`Supervisor gives the lease back of a process that ${title}`, async () => {
    const leases: TestLease[] = [];
    await using world = leasedWorld(() => leases[leases.push(new TestLease()) - 1], manners);
    await world.begin();
    end(world);
    await settle();
    assertEquals(leases.map(({ releases }) => releases), [1]);
  });
}

Deno.test("Supervisor gives the lease back of an entry that cannot be built", async () => {
  const lease = new TestLease();
  await using world = new World();
  world.table.set("a", { build: () => Promise.reject(oops), lease: () => lease });
  await world.begin();
  assertEquals(lease.releases, 1);
});

Deno.test("Supervisor does not give the lease of a stuck process back until it has ended", async () => {
  const lease = new TestLease();
  await using world = leasedWorld(() => lease, { deaf: true, lingers: true });
  await world.begin();
  await world.end();
  assertEquals([world.stateOf("a"), lease.releases], ["stuck", 0]);
  world.bot("a").down.resolve();
  await settle();
  assertEquals(lease.releases, 1);
});

Deno.test("Supervisor.run() resolves only when every lease has been given back", async () => {
  const gate = Promise.withResolvers<void>();
  const lease = new TestLease();
  lease.onRelease = () => gate.promise;
  await using world = leasedWorld(() => lease);
  await world.begin();
  await world.leave();
  assertEquals([world.run.fate, world.live.keys], ["pending", []]);
  gate.resolve();
  await settle();
  assertEquals(world.run.fate, "resolved");
});

Deno.test("Supervisor forces a process to end at once when its lease is lost", async () => {
  const lease = new TestLease();
  await using world = leasedWorld(() => lease, { lingers: true });
  await world.begin();
  lease.controller.abort(lost);
  await settle();
  assertStrictEquals(world.bot("a").signal?.reason, lost);
  assertEquals([world.supervisor.keys(), lease.releases], [[], 1]);
});

Deno.test("Supervisor forces a process that is starting, or stopping, when its lease is lost", async () => {
  for (const manners of [{ hangs: true }, { lingers: true }]) {
    const lease = new TestLease();
    await using world = leasedWorld(() => lease, manners);
    await world.begin();
    if ("lingers" in manners) watch(world.supervisor.stop("a"));
    lease.controller.abort(lost);
    await settle();
    assertEquals([world.bot("a").signal?.reason, world.supervisor.keys()], [lost, []]);
  }
});

Deno.test("Supervisor counts the loss of a lease as no failure", async () => {
  const lease = new TestLease();
  await using world = leasedWorld(() => lease);
  await world.begin();
  lease.controller.abort(lost);
  await settle();
  assertEquals(world.take().at(-1), "a exited running stopped 0");
});

Deno.test("Supervisor calls a process stuck that does not end when its lease is lost", async () => {
  const lease = new TestLease();
  await using world = leasedWorld(() => lease, { deaf: true, lingers: true });
  await world.begin();
  lease.controller.abort(lost);
  await world.time.pass(3_999);
  assertEquals(world.stateOf("a"), "stopping");
  await world.time.pass(1);
  assertEquals(world.stateOf("a"), "stuck");
});

Deno.test("Supervisor.start() rejects when the lease is lost during the start", async () => {
  const lease = new TestLease();
  await using world = leasedWorld(() => lease, { hangs: true });
  await world.begin();
  const ensure = watch(world.supervisor.ensure("a"));
  lease.controller.abort(lost);
  await settle();
  assertEquals(ensure.fate, "ProcessEndedEarlyError");
});

Deno.test("Supervisor forces every process that shares a lost signal", async () => {
  const { controller } = new TestLease();
  const lease = () => ({ signal: controller.signal, release: () => {} });
  await using world = new World();
  for (const key of ["a", "b"]) world.table.set(key, { build: () => new Bot(key, {}, world.live), lease });
  await world.begin();
  controller.abort(lost);
  await settle();
  assertEquals([world.supervisor.keys(), world.live.keys], [[], []]);
});

Deno.test("Supervisor leaves no listener on the signal of a lease behind", async () => {
  const { signal, listeners } = countingSignal();
  await using world = leasedWorld(() => ({ signal, release: () => {} }));
  await world.begin();
  assertEquals(listeners(), 1);
  await world.end();
  assertEquals(listeners(), 0);
});

for (
  const [title, fail] of [["throws", () => {
    throw oops;
  }], ["rejects", () => Promise.reject(oops)]] as const
) {
  Deno.test(`Supervisor announces once that the release of a lease ${title}`, async () => {
    const lease = new TestLease();
    lease.onRelease = fail;
    await using world = leasedWorld(() => lease);
    await world.begin();
    await world.end();
    assertEquals([world.journal.tellings(oops), world.take().includes("a entry-failed oops")], [1, true]);
  });
}

Deno.test("Supervisor announces once that a lease could not be asked for, and tries again later", async () => {
  const lease = () => {
    throw oops;
  };
  await using world = leasedWorld(lease);
  await world.begin();
  assertEquals([world.take(), world.callbacks], [["a entry-failed oops", "a retrying 1 1000 1000"], 1]);
});

const noLeases: Record<string, () => unknown> = {
  "a promise": () => Promise.reject(oops),
  "what has no signal": () => ({ release: () => {} }),
  "a number": () => 5,
};
for (const [title, lease] of Object.entries(noLeases)) {
  Deno.test(`Supervisor fails only the entry that gives ${title} in place of a lease`, async () => {
    await using world = leasedWorld(lease as () => Lease);
    world.table.set("b");
    await world.begin();
    const told = 'Cannot use the lease of "a": it must have a signal and a release, current value is';
    const [{ key, error }] = world.journal.of("entry-failed");
    assertEquals([key, error instanceof TypeError && error.message.slice(0, told.length)], ["a", told]);
    assertEquals([world.stateOf("a"), world.stateOf("b")], ["retrying", "running"]);
  });
}

Deno.test("Leases forces a few hundred in a turn of the event loop when a lease of thousands is lost", async () => {
  const leases = new Leases<number>(systemClock, () => {});
  const losing = new AbortController();
  const lease = { signal: losing.signal, release: () => {} };
  const reasons: unknown[] = [];
  for (let i = 0; i < 2_000; i++) leases.watch(lease, { force: (reason) => reasons.push(reason) });
  losing.abort(lost);
  const perTurn: number[] = [];
  for (let before = 0; before < reasons.length; await turn()) {
    perTurn.push(reasons.length - before);
    before = reasons.length;
  }
  assertEquals([Math.max(...perTurn), reasons.length], [256, 2_000]);
  assertEquals(new Set(reasons), new Set([lost]));
});

Deno.test("Leases does not force what has ended before its turn", async () => {
  const leases = new Leases<number>(systemClock, () => {});
  const losing = new AbortController();
  const lease = { signal: losing.signal, release: () => {} };
  const forced: number[] = [];
  const holders = Array.from({ length: 300 }, (_, n) => ({ force: () => forced.push(n) }));
  for (const holder of holders) leases.watch(lease, holder);
  losing.abort(lost);
  leases.unwatch(lease, holders[299]);
  await turn();
  await turn();
  assertEquals([forced.length, forced.includes(299)], [299, false]);
});
