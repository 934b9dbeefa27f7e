import { assertEquals } from "@std/assert";
import type { ClusterEvent } from "../../src/cluster/mod.ts";
import { Heartbeat } from "../../src/cluster/heartbeat.ts";
import { Instance } from "../../src/cluster/instance.ts";
import { checkOptions } from "../../src/cluster/options.ts";
import { denyAfterLanding, failWith, hang, holdReply, holdUntil, loseReply } from "../../src/testing/mod.ts";
import { watch, type Watched } from "../supervisor/fixtures/mod.ts";
import { fenceMs, heartbeatMs, TestDatabase, timeoutMs, ttlMs } from "./fixtures.ts";

const oops = new Error("oops");
const retryMs = 50; // a tenth of a heartbeat at most, and chance is one half
/** How many times the record of a session that is alive was written: when it joined, and when it began to beat. */
const begun = 2;

/** An instance whose clock and chance are the test's. */
function instanceOn(
  { clock }: TestDatabase,
  kv: Deno.Kv,
  random: () => number,
  emit: (event: ClusterEvent) => void = () => {},
  livesMs = ttlMs,
): Instance {
  return new Instance(kv, checkOptions({ prefix: ["c"], clock, heartbeatMs, ttlMs: livesMs, random }), emit);
}

/** The heartbeat of a session on a database of its own. When it is disposed of, it is ended, and no timer may be left. */
class TestHeartbeat implements AsyncDisposable {
  readonly heartbeat: Heartbeat;
  readonly kv;
  readonly ledger;
  readonly fences: string[] = [];
  readonly failures: string[] = [];
  #joined: Watched<void> | undefined = undefined;
  #alive: Watched<void> | undefined = undefined;

  private constructor(readonly database: TestDatabase, livesMs?: number) {
    this.kv = database.handle();
    const chances = [0]; // the first nonce is 1 then
    const instance = instanceOn(database, this.kv, () => chances.pop() ?? 0.5, (event) => {
      if (event.type !== "cluster-failed" && event.type !== "database-unavailable") return;
      const { operation, error } = event;
      this.failures.push(`${operation} ${error instanceof Error ? error.name : error}`);
    }, livesMs);
    this.ledger = instance.ledger;
    this.heartbeat = new Heartbeat(instance, "a1", {
      isProven: (beats) => beats >= 3,
      onFence: (cause) => void this.fences.push(cause),
    });
  }

  /** A session that has not joined. */
  static async open(livesMs?: number): Promise<TestHeartbeat> {
    return new TestHeartbeat(await TestDatabase.open(), livesMs);
  }

  /** A session that has joined and beats. */
  static async alive(livesMs?: number): Promise<TestHeartbeat> {
    const test = await TestHeartbeat.open(livesMs);
    test.join();
    await test.database.settle();
    assertEquals(test.joined, "resolved");
    test.keepAlive();
    await test.database.settle();
    return test;
  }

  get joined(): string | undefined {
    return this.#joined?.fate;
  }

  get alive(): string | undefined {
    return this.#alive?.fate;
  }

  keepAlive(): void {
    this.#alive = watch(this.heartbeat.keepAlive());
  }

  join(): void {
    this.#joined = watch(this.heartbeat.join());
  }

  /** The nonce of its record in the database, which tells how many times it was written at least. */
  async nonce(): Promise<unknown> {
    return (await this.database.read("session"))[0]?.value.nonce;
  }

  pass(ms: number): Promise<void> {
    return this.database.pass(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using database = this.database;
    this.heartbeat.end();
    this.kv.break();
    await database.pass(timeoutMs);
    assertEquals([this.joined, this.#alive?.fate ?? "resolved"], ["resolved", "resolved"]);
    assertEquals(database.clock.pending, 0, "timers after the end");
  }
}

Deno.test("Heartbeat.join() writes its record, which accepts no slots", async () => {
  await using test = await TestHeartbeat.open();
  test.join();
  await test.database.settle();
  const [row] = await test.database.read("session");
  assertEquals(row.value, { format: 1, session: "a1", nonce: 1, ttlMs, slots: 256, accepts: false, beats: 0 });
  assertEquals(row.versionstamp, test.heartbeat.versionstamp);
});

Deno.test("Heartbeat beats at once when it begins to", async () => {
  await using test = await TestHeartbeat.alive();
  assertEquals([test.kv.count("commit"), await test.nonce()], [begun, begun]);
});

Deno.test("Heartbeat says that it accepts slots while it has looked around since its last fence could have been", async () => {
  await using test = await TestHeartbeat.open();
  test.join();
  await test.database.settle();
  const accepts = async () => (await test.database.read("session"))[0].value.accepts;
  const told = [await accepts()];
  test.heartbeat.noteLook();
  test.keepAlive();
  await test.database.settle();
  told.push(await accepts());
  for (let beats = 0; beats < 2; beats++) {
    await test.pass(heartbeatMs);
    told.push(await accepts());
  }
  test.heartbeat.noteLook();
  await test.pass(heartbeatMs);
  told.push(await accepts());
  assertEquals(told, [false, true, true, false, true]);
});

/** Counts the rings of the bell from now on: a commit that rings is the one of the bell. */
function countRings({ kv, ledger }: TestHeartbeat): { readonly rings: number } {
  const counted = { rings: 0 };
  let last: string | null = null;
  kv.break(async (call) => {
    const result = await call();
    const bell = await ledger.bell();
    if (bell !== last) counted.rings++;
    last = bell;
    return result;
  }, "commit");
  return counted;
}

Deno.test("Heartbeat rings the bell when it accepts slots, when it no longer does, when it has proven itself, and at no other beat", async () => {
  await using test = await TestHeartbeat.open();
  const counted = countRings(test);
  const told: number[] = [];
  const beat = async (hasLooked: boolean) => {
    if (hasLooked) test.heartbeat.noteLook();
    await test.pass(heartbeatMs);
    told.push(counted.rings);
  };
  test.join();
  await test.database.settle();
  test.keepAlive();
  await test.database.settle();
  for (const hasLooked of [true, true, false, false, false, true]) await beat(hasLooked);
  assertEquals(told, [1, 2, 3, 3, 3, 4]);
});

Deno.test("Heartbeat rings again when a beat that said otherwise was not answered, and may have landed", async () => {
  await using test = await TestHeartbeat.alive();
  test.heartbeat.noteLook();
  await test.pass(2 * heartbeatMs - 1); // it accepts
  test.kv.inject("commit", loseReply(oops)); // it accepts no more: it has not looked for as long as a fence takes
  await test.pass(1);
  test.heartbeat.noteLook();
  const before = await test.ledger.bell();
  await test.pass(2 * retryMs); // the first try is refused, and finds what has landed
  const [row] = await test.database.read("session");
  const bell = await test.ledger.bell();
  assertEquals([row.value.accepts, bell === row.versionstamp, bell === before], [true, true, false]);
});

Deno.test("Heartbeat rings when it writes over a first record that landed after its session was buried", async () => {
  await using test = await TestHeartbeat.open();
  const gate = Promise.withResolvers<void>();
  test.kv.inject("commit", holdUntil(gate.promise));
  test.join();
  await test.pass(timeoutMs + retryMs); // it is given up, and written again
  test.heartbeat.noteLook();
  test.keepAlive();
  await test.database.settle(); // it accepts
  await test.ledger.bury("a1");
  gate.resolve();
  await test.database.settle();
  test.heartbeat.noteLook();
  await test.pass(heartbeatMs + 2 * retryMs);
  const [row] = await test.database.read("session");
  assertEquals([row.value.accepts, await test.ledger.bell()], [true, row.versionstamp]);
});

Deno.test("Heartbeat.resign() rings the bell", async () => {
  await using test = await TestHeartbeat.alive();
  test.heartbeat.end();
  await test.heartbeat.resign();
  const [row] = await test.database.read("session");
  assertEquals([row.value.accepts, await test.ledger.bell()], [false, row.versionstamp]);
});

Deno.test("Heartbeat beats every heartbeat, with one commit each and nothing else", async () => {
  await using test = await TestHeartbeat.alive();
  const { kv } = test;
  await test.pass(heartbeatMs - 1);
  assertEquals(kv.count("commit"), begun);
  await test.pass(1);
  for (let beats = begun + 1; beats < 30; beats++) {
    assertEquals([kv.count("commit"), await test.nonce()], [beats, beats]);
    await test.pass(heartbeatMs);
  }
  assertEquals([kv.count("get"), kv.count("list"), kv.count("set"), test.fences.length], [0, 0, 0, 0]);
});

Deno.test("Heartbeat counts heartbeats from when they began, not from when they were answered", async () => {
  await using test = await TestHeartbeat.alive();
  const reply = Promise.withResolvers<void>();
  test.kv.inject("commit", holdReply(reply.promise));
  await test.pass(heartbeatMs + 400);
  reply.resolve();
  await test.pass(600);
  assertEquals([test.kv.count("commit"), await test.nonce()], [begun + 2, begun + 2]);
});

const silences: readonly (readonly [title: string, silence: (test: TestHeartbeat) => void])[] = [
  ["hangs", ({ kv }) => kv.break(hang())],
  ["fails", ({ kv }) => kv.break(failWith(oops))],
  ["loses the replies", ({ kv }) => kv.break(loseReply(oops), "commit")],
  ["hangs, and then fails", ({ kv }) => {
    kv.break(failWith(oops));
    kv.inject("commit", hang());
  }],
];
for (const [title, silence] of silences) {
  Deno.test(`Heartbeat fences itself two thirds of its time to live after its last beat when the database ${title}`, async () => {
    await using test = await TestHeartbeat.alive();
    silence(test);
    await test.pass(fenceMs - 1);
    assertEquals([test.fences.length, test.heartbeat.isOver], [0, false]);
    await test.pass(1);
    assertEquals([test.fences.length, test.heartbeat.isOver, test.heartbeat.signal.aborted], [1, true, true]);
  });
}

Deno.test("Heartbeat fences itself in the very step in which the clock passes the limit, with a call pending", async () => {
  await using test = await TestHeartbeat.alive();
  test.kv.break(hang());
  await test.pass(fenceMs - 1);
  test.database.clock.advance(1);
  assertEquals(test.fences.length, 1);
});

Deno.test("Heartbeat counts its silence from when the acknowledged beat was sent", async () => {
  await using test = await TestHeartbeat.alive();
  const reply = Promise.withResolvers<void>();
  test.kv.inject("commit", holdReply(reply.promise));
  await test.pass(heartbeatMs + 400);
  test.kv.break(hang());
  reply.resolve();
  await test.database.settle();
  assertEquals(test.heartbeat.silentMs, 400);
  await test.pass(fenceMs - 401);
  assertEquals(test.fences.length, 0);
  await test.pass(1);
  assertEquals(test.fences.length, 1);
});

Deno.test("Heartbeat does not fence itself while beats are acknowledged", async () => {
  await using test = await TestHeartbeat.alive();
  await test.pass(20 * ttlMs);
  assertEquals([test.fences.length, test.heartbeat.check()], [0, true]);
});

Deno.test("Heartbeat.check() fences after a stall, before the late timer does", async () => {
  await using test = await TestHeartbeat.alive();
  const { clock } = test.database;
  clock.stalledMs = fenceMs - 1;
  assertEquals([test.heartbeat.check(), test.fences.length], [true, 0]);
  clock.stalledMs = fenceMs;
  assertEquals([test.heartbeat.check(), test.fences], [false, ["silent"]]);
});

Deno.test("Heartbeat does not beat after a stall in which others may have declared it dead", async () => {
  await using test = await TestHeartbeat.alive();
  const { clock } = test.database;
  clock.stalledMs = fenceMs;
  await test.pass(heartbeatMs);
  assertEquals([test.kv.count("commit"), test.fences.length, test.alive], [begun, 1, "resolved"]);
});

Deno.test("Heartbeat does not rely on an answer that came too late", async () => {
  await using test = await TestHeartbeat.alive();
  const reply = Promise.withResolvers<void>();
  test.kv.inject("commit", holdReply(reply.promise));
  await test.pass(heartbeatMs);
  test.database.clock.stalledMs = fenceMs - heartbeatMs;
  reply.resolve();
  await test.database.settle();
  assertEquals([test.fences.length, test.alive], [1, "resolved"]);
});

Deno.test("Heartbeat arms its timer again when that is early by its own clock", async () => {
  await using test = await TestHeartbeat.alive();
  test.kv.break(hang());
  test.database.clock.stalledMs = -10;
  await test.pass(fenceMs);
  assertEquals(test.fences.length, 0);
  await test.pass(10);
  assertEquals(test.fences.length, 1);
});

Deno.test("Heartbeat fences itself when a beat finds the record gone", async () => {
  await using test = await TestHeartbeat.alive();
  await test.ledger.bury("a1");
  await test.pass(heartbeatMs - 1);
  assertEquals(test.fences.length, 0);
  await test.pass(1);
  assertEquals([test.fences, test.alive, await test.database.sessions()], [
    ["declared-dead"],
    "resolved",
    [],
  ]);
});

Deno.test("Heartbeat tries a beat that failed again after at most a tenth of a heartbeat", async () => {
  await using test = await TestHeartbeat.alive();
  test.kv.inject("commit", failWith(oops), 2);
  await test.pass(heartbeatMs + retryMs);
  assertEquals([test.kv.count("commit"), await test.nonce()], [begun + 2, begun]);
  await test.pass(retryMs);
  assertEquals([test.kv.count("commit"), await test.nonce(), test.heartbeat.silentMs], [begun + 3, begun + 3, 0]);
  assertEquals(test.failures, ["heartbeat Error"]);
});

Deno.test("Heartbeat gives a beat half a heartbeat and then tries another", async () => {
  await using test = await TestHeartbeat.alive();
  test.kv.inject("commit", hang());
  await test.pass(heartbeatMs + timeoutMs + retryMs);
  assertEquals([await test.nonce(), test.heartbeat.silentMs], [begun + 2, 0]);
  assertEquals(test.failures, ["heartbeat KvTimeoutError"]);
});

Deno.test("Heartbeat accepts a beat that landed though it was refused", async () => {
  await using test = await TestHeartbeat.alive();
  test.kv.inject("commit", denyAfterLanding());
  await test.pass(heartbeatMs);
  assertEquals([test.kv.count("commit"), await test.nonce(), test.heartbeat.silentMs], [begun + 1, begun + 1, 0]);
  await test.pass(heartbeatMs);
  assertEquals([await test.nonce(), test.failures], [begun + 2, []]);
});

Deno.test("Heartbeat writes over a beat that landed late", async () => {
  await using test = await TestHeartbeat.alive();
  const gate = Promise.withResolvers<void>();
  test.kv.inject("commit", holdUntil(gate.promise)); // is given up, and lands before the next try
  await test.pass(heartbeatMs + timeoutMs);
  gate.resolve();
  await test.database.settle();
  assertEquals(await test.nonce(), begun + 1);
  await test.pass(2 * retryMs); // the next try is kept out by it, the one after it writes over it
  assertEquals([await test.nonce(), test.heartbeat.silentMs, test.fences.length], [begun + 3, 0, 0]);
  await test.pass(heartbeatMs);
  assertEquals([await test.nonce(), test.kv.count("commit")], [begun + 4, begun + 4]);
});

Deno.test("Heartbeat has two beats on their way at most, and writes the next one when the database answers", async () => {
  await using test = await TestHeartbeat.alive(2 * ttlMs);
  const gate = Promise.withResolvers<void>();
  test.kv.inject("commit", hang(), 2);
  test.kv.inject("get", holdUntil(gate.promise)); // the probe
  await test.pass(heartbeatMs + 2 * (timeoutMs + retryMs) - 1);
  assertEquals([test.kv.count("commit"), test.kv.count("get")], [begun + 2, 0]);
  await test.pass(timeoutMs - 1);
  assertEquals([test.kv.count("commit"), test.kv.count("get")], [begun + 2, 1]);
  gate.resolve();
  await test.database.settle();
  assertEquals([test.kv.count("commit"), await test.nonce()], [begun + 3, begun + 3]);
});

Deno.test("Heartbeat counts an acknowledgement from the moment in which the beat was sent, not from when it began to wait", async () => {
  await using test = await TestHeartbeat.open();
  const probe = Promise.withResolvers<void>(), reply = Promise.withResolvers<void>();
  test.kv.inject("commit", hang(), 2);
  test.kv.inject("get", holdUntil(probe.promise));
  test.join();
  await test.pass(2 * timeoutMs + retryMs + 2 * retryMs); // two are given up, and the third begins to wait
  assertEquals([test.kv.count("commit"), test.kv.count("get")], [2, 1]);
  await test.pass(300);
  test.kv.inject("commit", holdReply(reply.promise));
  probe.resolve();
  await test.database.settle(); // it is sent
  await test.pass(100);
  reply.resolve();
  await test.database.settle();
  assertEquals([test.joined, test.heartbeat.silentMs], ["resolved", 100]);
});

Deno.test("Heartbeat does not send a beat that has waited until the session is fenced", async () => {
  await using test = await TestHeartbeat.alive(2 * ttlMs);
  const gate = Promise.withResolvers<void>();
  test.kv.inject("commit", hang(), 2);
  test.kv.inject("get", holdUntil(gate.promise), 10);
  await test.pass(2 * fenceMs);
  assertEquals([test.fences, test.kv.count("commit")], [["silent"], begun + 2]);
  gate.resolve();
  await test.pass(timeoutMs);
  assertEquals([test.kv.count("commit"), await test.nonce(), test.alive], [begun + 2, begun, "resolved"]);
});

Deno.test("Heartbeat does not take a beat that landed late for an answer to a later one", async () => {
  await using test = await TestHeartbeat.alive();
  test.kv.inject("commit", loseReply(oops)); // the second beat lands, unknown
  await test.pass(heartbeatMs);
  test.kv.inject("commit", (call) => call()); // the third is kept out by it
  test.kv.inject("commit", hang()); // the fourth would write over it
  await test.pass(2 * retryMs);
  assertEquals([test.kv.count("commit"), test.heartbeat.silentMs], [begun + 3, heartbeatMs + 2 * retryMs]);
});

Deno.test("Heartbeat.join() tries again until its record stands there", async () => {
  await using test = await TestHeartbeat.open();
  test.kv.inject("commit", failWith(oops), 3);
  test.join();
  await test.pass(7 * retryMs - 1); // it waits for 1, 2 and 4
  assertEquals(test.joined, "pending");
  await test.pass(1);
  assertEquals([test.joined, await test.nonce(), test.failures], ["resolved", 4, ["join Error"]]);
});

Deno.test("Heartbeat.join() waits longer from try to try, up to a heartbeat", async () => {
  await using test = await TestHeartbeat.open();
  test.kv.break(failWith(oops));
  test.join();
  const tries: number[] = [];
  for (let beats = 0; beats < 10; beats++) {
    tries.push(test.kv.count("commit"));
    await test.pass(heartbeatMs);
  }
  assertEquals(tries.slice(4).map((count, index) => count - tries[index + 3]), Array(6).fill(2));
});

Deno.test("Heartbeat.join() does not fence however long it takes", async () => {
  await using test = await TestHeartbeat.open();
  test.kv.break(hang());
  test.join();
  await test.pass(10 * ttlMs);
  assertEquals([test.joined, test.fences.length], ["pending", 0]);
});

Deno.test("Heartbeat.join() writes over a first record whose reply was lost", async () => {
  await using test = await TestHeartbeat.open();
  test.kv.inject("commit", loseReply(oops));
  test.join();
  await test.pass(3 * retryMs);
  assertEquals([test.joined, await test.nonce(), test.heartbeat.silentMs], ["resolved", 3, 0]);
});

Deno.test("Heartbeat.join() starts over when a first record whose reply was lost has been buried", async () => {
  await using test = await TestHeartbeat.open();
  test.kv.inject("commit", loseReply(oops)); // the first lands, unknown
  test.kv.inject("commit", (call) => call()); // the second is kept out by it
  test.kv.inject("commit", async (call) => { // the third comes too late
    await test.ledger.bury("a1");
    return await call();
  });
  test.kv.inject("commit", (call) => call()); // the burial itself
  test.join();
  await test.pass(7 * retryMs);
  assertEquals([test.joined, await test.database.sessions(), test.fences.length], ["resolved", ["a1"], 0]);
});

Deno.test("Heartbeat.end() ends a join that waits to be tried again", async () => {
  await using test = await TestHeartbeat.open();
  test.kv.break(failWith(oops));
  test.join();
  await test.pass(10);
  test.heartbeat.end();
  await test.database.settle();
  assertEquals([test.joined, test.database.clock.pending], ["resolved", 0]);
});

Deno.test("Heartbeat.end() stops the beats, leaves no timer and does not fence", async () => {
  await using test = await TestHeartbeat.alive();
  test.heartbeat.end();
  await test.database.settle();
  assertEquals([test.alive, test.database.clock.pending], ["resolved", 0]);
  await test.pass(10 * ttlMs);
  assertEquals([test.kv.count("commit"), test.fences.length, await test.database.sessions()], [begun, 0, ["a1"]]);
});

Deno.test("Heartbeat leaves no timer after an answer that comes when it has ended", async () => {
  await using test = await TestHeartbeat.alive();
  const reply = Promise.withResolvers<void>();
  test.kv.inject("commit", holdReply(reply.promise));
  await test.pass(heartbeatMs);
  test.heartbeat.end();
  reply.resolve();
  await test.database.settle();
  assertEquals([test.alive, test.database.clock.pending], ["resolved", 0]);
});

Deno.test("Heartbeat.beating resolves when the beat that is under way has been acknowledged", async () => {
  await using test = await TestHeartbeat.alive();
  const reply = Promise.withResolvers<void>();
  test.kv.inject("commit", holdReply(reply.promise));
  await test.pass(heartbeatMs);
  const before = test.heartbeat.versionstamp;
  const beating = watch(test.heartbeat.beating);
  await test.database.settle();
  assertEquals(beating.fate, "pending");
  reply.resolve();
  await test.database.settle();
  assertEquals([beating.fate, test.heartbeat.versionstamp !== before], ["resolved", true]);
});

Deno.test("Heartbeat fences once", async () => {
  await using test = await TestHeartbeat.alive();
  test.heartbeat.fence("silent");
  test.heartbeat.fence("silent");
  await test.pass(10 * ttlMs);
  assertEquals([test.fences.length, test.heartbeat.check()], [1, false]);
});

Deno.test("Heartbeat does not read the wall clock", async () => {
  await using test = await TestHeartbeat.alive();
  test.database.clock.now = () => {
    throw new Error("the wall clock was read");
  };
  for (let beats = 0; beats < 5; beats++) {
    test.database.clock.advance(heartbeatMs);
    await test.database.settle();
  }
  assertEquals([test.fences.length, await test.nonce()], [0, begun + 5]);
  delete (test.database.clock as Partial<typeof test.database.clock>).now;
});

Deno.test("Heartbeat.nextNonce() never gives a number twice, between the beats too", async () => {
  await using test = await TestHeartbeat.alive();
  const given = [test.heartbeat.nextNonce()];
  await test.pass(heartbeatMs);
  given.push(await test.nonce() as number, test.heartbeat.nextNonce());
  assertEquals(given, [begun + 1, begun + 2, begun + 3]);
});

Deno.test("Heartbeat.mayBeWritten is true from its first attempt to join on", async () => {
  await using test = await TestHeartbeat.open();
  test.kv.break(hang());
  assertEquals(test.heartbeat.mayBeWritten, false);
  test.join();
  assertEquals(test.heartbeat.mayBeWritten, true);
});

Deno.test("Heartbeat begins with a nonce by chance, so that two of the same id do not take each other's writes", async () => {
  using database = await TestDatabase.open();
  const first = (chance: number) =>
    new Heartbeat(instanceOn(database, database.raw, () => chance), "a1", {
      isProven: (beats) => beats >= 3,
      onFence: () => {},
    })
      .nextNonce();
  assertEquals([first(0), first(0.5), first(0.75)], [1, 2 ** 47 + 1, 3 * 2 ** 46 + 1]);
});
