import { assertEquals } from "@std/assert";
import { Session } from "../../src/cluster/session.ts";
import { denyAfterLanding, failWith, hang, holdReply, holdUntil, loseReply } from "../../src/testing/mod.ts";
import { watch, type Watched } from "../supervisor/fixtures/mod.ts";
import { fenceMs, heartbeatMs, TestDatabase, timeoutMs, ttlMs } from "./fixtures.ts";

const oops = new Error("oops");
const retryMs = 50; // a tenth of a heartbeat at most, and chance is one half
/** How many times the record of a session that is alive was written: when it joined, and when it began to beat. */
const begun = 2;

/** A session on a database of its own. When it is disposed of, it is ended, and no timer may be left. */
class TestSession implements AsyncDisposable {
  readonly session: Session;
  readonly kv;
  readonly ledger;
  readonly fences: string[] = [];
  readonly failures: string[] = [];
  #joined: Watched<void> | undefined = undefined;
  #alive: Watched<void> | undefined = undefined;

  private constructor(readonly database: TestDatabase) {
    const { kv, ledger } = database.ledger();
    this.kv = kv;
    this.ledger = ledger;
    const chances = [0]; // the first nonce is 1 then
    const host = {
      ledger,
      clock: database.clock,
      heartbeatMs,
      ttlMs,
      slots: 256,
      random: () => chances.pop() ?? 0.5,
      failed: (operation: string, error: unknown) =>
        void this.failures.push(`${operation} ${error instanceof Error ? error.name : error}`),
    };
    this.session = new Session(host, "a1", (cause) => void this.fences.push(cause));
  }

  /** A session that has not joined. */
  static async open(): Promise<TestSession> {
    return new TestSession(await TestDatabase.open());
  }

  /** A session that has joined and beats. */
  static async alive(): Promise<TestSession> {
    const test = await TestSession.open();
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
    this.#alive = watch(this.session.keepAlive());
  }

  join(): void {
    this.#joined = watch(this.session.join());
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
    this.session.end();
    this.kv.break();
    await database.pass(timeoutMs);
    assertEquals([this.joined, this.#alive?.fate ?? "resolved"], ["resolved", "resolved"]);
    assertEquals(database.clock.pending, 0, "timers after the end");
  }
}

Deno.test("Session.join() writes its record, which accepts no slots", async () => {
  await using test = await TestSession.open();
  test.join();
  await test.database.settle();
  const [row] = await test.database.read("session");
  assertEquals(row.value, { format: 1, session: "a1", nonce: 1, ttlMs, slots: 256, accepts: false });
  assertEquals(row.versionstamp, test.session.versionstamp);
});

Deno.test("Session beats at once when it begins to", async () => {
  await using test = await TestSession.alive();
  assertEquals([test.kv.count("commit"), await test.nonce()], [begun, begun]);
});

Deno.test("Session says that it accepts slots while it has looked around since its last fence could have been", async () => {
  await using test = await TestSession.open();
  test.join();
  await test.database.settle();
  const accepts = async () => (await test.database.read("session"))[0].value.accepts;
  const told = [await accepts()];
  test.session.hasLooked();
  test.keepAlive();
  await test.database.settle();
  told.push(await accepts());
  for (let beats = 0; beats < 2; beats++) {
    await test.pass(heartbeatMs);
    told.push(await accepts());
  }
  test.session.hasLooked();
  await test.pass(heartbeatMs);
  told.push(await accepts());
  assertEquals(told, [false, true, true, false, true]);
});

Deno.test("Session beats every heartbeat, with one commit each and nothing else", async () => {
  await using test = await TestSession.alive();
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

Deno.test("Session counts heartbeats from when they began, not from when they were answered", async () => {
  await using test = await TestSession.alive();
  const reply = Promise.withResolvers<void>();
  test.kv.inject("commit", holdReply(reply.promise));
  await test.pass(heartbeatMs + 400);
  reply.resolve();
  await test.pass(600);
  assertEquals([test.kv.count("commit"), await test.nonce()], [begun + 2, begun + 2]);
});

const silences: readonly (readonly [title: string, silence: (test: TestSession) => void])[] = [
  ["hangs", ({ kv }) => kv.break(hang())],
  ["fails", ({ kv }) => kv.break(failWith(oops))],
  ["loses the replies", ({ kv }) => kv.break(loseReply(oops), "commit")],
  ["hangs, and then fails", ({ kv }) => {
    kv.break(failWith(oops));
    kv.inject("commit", hang());
  }],
];
for (const [title, silence] of silences) {
  Deno.test(`Session fences itself two thirds of its time to live after its last beat when the database ${title}`, async () => {
    await using test = await TestSession.alive();
    silence(test);
    await test.pass(fenceMs - 1);
    assertEquals([test.fences.length, test.session.isOver], [0, false]);
    await test.pass(1);
    assertEquals([test.fences.length, test.session.isOver, test.session.signal.aborted], [1, true, true]);
  });
}

Deno.test("Session fences itself in the very step in which the clock passes the limit, with a call pending", async () => {
  await using test = await TestSession.alive();
  test.kv.break(hang());
  await test.pass(fenceMs - 1);
  test.database.clock.advance(1);
  assertEquals(test.fences.length, 1);
});

Deno.test("Session counts its silence from when the acknowledged beat was sent", async () => {
  await using test = await TestSession.alive();
  const reply = Promise.withResolvers<void>();
  test.kv.inject("commit", holdReply(reply.promise));
  await test.pass(heartbeatMs + 400);
  test.kv.break(hang());
  reply.resolve();
  await test.database.settle();
  assertEquals(test.session.silentMs, 400);
  await test.pass(fenceMs - 401);
  assertEquals(test.fences.length, 0);
  await test.pass(1);
  assertEquals(test.fences.length, 1);
});

Deno.test("Session does not fence itself while beats are acknowledged", async () => {
  await using test = await TestSession.alive();
  await test.pass(20 * ttlMs);
  assertEquals([test.fences.length, test.session.check()], [0, true]);
});

Deno.test("Session.check() fences after a stall, before the late timer does", async () => {
  await using test = await TestSession.alive();
  const { clock } = test.database;
  clock.stalledMs = fenceMs - 1;
  assertEquals([test.session.check(), test.fences.length], [true, 0]);
  clock.stalledMs = fenceMs;
  assertEquals([test.session.check(), test.fences], [false, ["silent"]]);
});

Deno.test("Session does not beat after a stall in which others may have declared it dead", async () => {
  await using test = await TestSession.alive();
  const { clock } = test.database;
  clock.stalledMs = fenceMs;
  await test.pass(heartbeatMs);
  assertEquals([test.kv.count("commit"), test.fences.length, test.alive], [begun, 1, "resolved"]);
});

Deno.test("Session does not rely on an answer that came too late", async () => {
  await using test = await TestSession.alive();
  const reply = Promise.withResolvers<void>();
  test.kv.inject("commit", holdReply(reply.promise));
  await test.pass(heartbeatMs);
  test.database.clock.stalledMs = fenceMs - heartbeatMs;
  reply.resolve();
  await test.database.settle();
  assertEquals([test.fences.length, test.alive], [1, "resolved"]);
});

Deno.test("Session arms its timer anew when that is early by its own clock", async () => {
  await using test = await TestSession.alive();
  test.kv.break(hang());
  test.database.clock.stalledMs = -10;
  await test.pass(fenceMs);
  assertEquals(test.fences.length, 0);
  await test.pass(10);
  assertEquals(test.fences.length, 1);
});

Deno.test("Session fences itself when a beat finds the record gone", async () => {
  await using test = await TestSession.alive();
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

Deno.test("Session tries a beat that failed again after at most a tenth of a heartbeat", async () => {
  await using test = await TestSession.alive();
  test.kv.inject("commit", failWith(oops), 2);
  await test.pass(heartbeatMs + retryMs);
  assertEquals([test.kv.count("commit"), await test.nonce()], [begun + 2, begun]);
  await test.pass(retryMs);
  assertEquals([test.kv.count("commit"), await test.nonce(), test.session.silentMs], [begun + 3, begun + 3, 0]);
  assertEquals(test.failures, ["heartbeat Error", "heartbeat Error"]);
});

Deno.test("Session gives a beat half a heartbeat and then tries another", async () => {
  await using test = await TestSession.alive();
  test.kv.inject("commit", hang());
  await test.pass(heartbeatMs + timeoutMs + retryMs);
  assertEquals([await test.nonce(), test.session.silentMs], [begun + 2, 0]);
  assertEquals(test.failures, ["heartbeat KvTimeoutError"]);
});

Deno.test("Session accepts a beat that landed though it was refused", async () => {
  await using test = await TestSession.alive();
  test.kv.inject("commit", denyAfterLanding());
  await test.pass(heartbeatMs);
  assertEquals([test.kv.count("commit"), await test.nonce(), test.session.silentMs], [begun + 1, begun + 1, 0]);
  await test.pass(heartbeatMs);
  assertEquals([await test.nonce(), test.failures], [begun + 2, []]);
});

Deno.test("Session writes over a beat that landed late", async () => {
  await using test = await TestSession.alive();
  const gate = Promise.withResolvers<void>();
  test.kv.inject("commit", holdUntil(gate.promise)); // is given up, and lands before the next try
  await test.pass(heartbeatMs + timeoutMs);
  gate.resolve();
  await test.database.settle();
  assertEquals(await test.nonce(), begun + 1);
  await test.pass(2 * retryMs); // the next try is kept out by it, the one after it writes over it
  assertEquals([await test.nonce(), test.session.silentMs, test.fences.length], [begun + 3, 0, 0]);
  await test.pass(heartbeatMs);
  assertEquals([await test.nonce(), test.kv.count("commit")], [begun + 4, begun + 4]);
});

Deno.test("Session does not take a beat that landed late for an answer to a later one", async () => {
  await using test = await TestSession.alive();
  test.kv.inject("commit", loseReply(oops)); // the second beat lands, unknown
  await test.pass(heartbeatMs);
  test.kv.inject("commit", (call) => call()); // the third is kept out by it
  test.kv.inject("commit", hang()); // the fourth would write over it
  await test.pass(2 * retryMs);
  assertEquals([test.kv.count("commit"), test.session.silentMs], [begun + 3, heartbeatMs + 2 * retryMs]);
});

Deno.test("Session.join() tries again until its record stands there", async () => {
  await using test = await TestSession.open();
  test.kv.inject("commit", failWith(oops), 3);
  test.join();
  await test.pass(7 * retryMs - 1); // it waits for 1, 2 and 4
  assertEquals(test.joined, "pending");
  await test.pass(1);
  assertEquals([test.joined, await test.nonce(), test.failures], ["resolved", 4, Array(3).fill("join Error")]);
});

Deno.test("Session.join() waits longer from try to try, up to a heartbeat", async () => {
  await using test = await TestSession.open();
  test.kv.break(failWith(oops));
  test.join();
  const tries: number[] = [];
  for (let beats = 0; beats < 10; beats++) {
    tries.push(test.kv.count("commit"));
    await test.pass(heartbeatMs);
  }
  assertEquals(tries.slice(4).map((count, index) => count - tries[index + 3]), Array(6).fill(2));
});

Deno.test("Session.join() does not fence however long it takes", async () => {
  await using test = await TestSession.open();
  test.kv.break(hang());
  test.join();
  await test.pass(10 * ttlMs);
  assertEquals([test.joined, test.fences.length], ["pending", 0]);
});

Deno.test("Session.join() writes over a first record whose reply was lost", async () => {
  await using test = await TestSession.open();
  test.kv.inject("commit", loseReply(oops));
  test.join();
  await test.pass(3 * retryMs);
  assertEquals([test.joined, await test.nonce(), test.session.silentMs], ["resolved", 3, 0]);
});

Deno.test("Session.join() begins anew when a first record whose reply was lost has been buried", async () => {
  await using test = await TestSession.open();
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

Deno.test("Session.end() ends a join that waits to be tried again", async () => {
  await using test = await TestSession.open();
  test.kv.break(failWith(oops));
  test.join();
  await test.pass(10);
  test.session.end();
  await test.database.settle();
  assertEquals([test.joined, test.database.clock.pending], ["resolved", 0]);
});

Deno.test("Session.end() stops the beats, leaves no timer and does not fence", async () => {
  await using test = await TestSession.alive();
  test.session.end();
  await test.database.settle();
  assertEquals([test.alive, test.database.clock.pending], ["resolved", 0]);
  await test.pass(10 * ttlMs);
  assertEquals([test.kv.count("commit"), test.fences.length, await test.database.sessions()], [begun, 0, ["a1"]]);
});

Deno.test("Session leaves no timer after an answer that comes when it has ended", async () => {
  await using test = await TestSession.alive();
  const reply = Promise.withResolvers<void>();
  test.kv.inject("commit", holdReply(reply.promise));
  await test.pass(heartbeatMs);
  test.session.end();
  reply.resolve();
  await test.database.settle();
  assertEquals([test.alive, test.database.clock.pending], ["resolved", 0]);
});

Deno.test("Session.beating resolves when the beat that is under way has been acknowledged", async () => {
  await using test = await TestSession.alive();
  const reply = Promise.withResolvers<void>();
  test.kv.inject("commit", holdReply(reply.promise));
  await test.pass(heartbeatMs);
  const before = test.session.versionstamp;
  const beating = watch(test.session.beating);
  await test.database.settle();
  assertEquals(beating.fate, "pending");
  reply.resolve();
  await test.database.settle();
  assertEquals([beating.fate, test.session.versionstamp !== before], ["resolved", true]);
});

Deno.test("Session fences once", async () => {
  await using test = await TestSession.alive();
  test.session.fence("silent");
  test.session.fence("silent");
  await test.pass(10 * ttlMs);
  assertEquals([test.fences.length, test.session.check()], [1, false]);
});

Deno.test("Session does not read the wall clock", async () => {
  await using test = await TestSession.alive();
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

Deno.test("Session.nextNonce() never gives a number twice, between the beats too", async () => {
  await using test = await TestSession.alive();
  const given = [test.session.nextNonce()];
  await test.pass(heartbeatMs);
  given.push(await test.nonce() as number, test.session.nextNonce());
  assertEquals(given, [begun + 1, begun + 2, begun + 3]);
});

Deno.test("Session.mayBeWritten is true from its first attempt to join on", async () => {
  await using test = await TestSession.open();
  test.kv.break(hang());
  assertEquals(test.session.mayBeWritten, false);
  test.join();
  assertEquals(test.session.mayBeWritten, true);
});

Deno.test("Session begins with a nonce by chance, so that two of the same id do not take each other's writes", () => {
  const first = (chance: number) => {
    const host = { random: () => chance } as unknown as ConstructorParameters<typeof Session>[0];
    return new Session(host, "a1", () => {}).nextNonce();
  };
  assertEquals([first(0), first(0.5), first(0.75)], [1, 2 ** 47 + 1, 3 * 2 ** 46 + 1]);
});
