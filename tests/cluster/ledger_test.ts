import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Claimant, Ledger } from "../../src/cluster/ledger.ts";
import { takeable, type TokensSeen } from "../../src/cluster/takeable.ts";
import type { SessionRecord } from "../../src/cluster/records.ts";
import { KvTable, KvTimeoutError } from "../../src/kv/mod.ts";
import {
  denyAfterLanding,
  failLocked,
  failWith,
  hang,
  holdUntil,
  type KvFault,
  loseReply,
} from "../../src/testing/mod.ts";
import { MemoryKv } from "../memory_kv/memory_kv.ts";
import { watch } from "../supervisor/fixtures/mod.ts";
import { TestDatabase, timeoutMs, ttlMs } from "./fixtures.ts";

const reset = new TypeError("connection reset");

function record(session: string, nonce = 1, slots = 256): SessionRecord {
  return { format: 1, session, nonce, ttlMs, slots, accepts: true };
}

/** A session that beats by hand. */
class HandClaimant implements Claimant {
  versionstamp: string | null = null;
  beating: Promise<void> = Promise.resolve();
  #nonce = 0;

  constructor(readonly ledger: Ledger, readonly id: string) {}

  static async join(ledger: Ledger, id: string): Promise<HandClaimant> {
    const claimant = new HandClaimant(ledger, id);
    await claimant.beat();
    return claimant;
  }

  nextNonce(): number {
    return ++this.#nonce;
  }

  async beat(): Promise<void> {
    const stored = await this.ledger.beat(record(this.id, this.nextNonce()), this.versionstamp);
    this.versionstamp = stored.versionstamp;
  }
}

function seenFree(...slots: number[]): TokensSeen[] {
  return slots.map((slot) => ({ slot, versionstamp: null, owner: undefined, tokens: new Map() }));
}

/** What a look says of these slots. */
async function seenNow(ledger: Ledger, ...slots: number[]): Promise<TokensSeen[]> {
  const { claims } = await ledger.look();
  return ledger.withTokens(slots.map((slot) => claims.get(slot) ?? { slot, versionstamp: null, owner: undefined }));
}

Deno.test("Ledger.look() finds nothing in an empty database", async () => {
  using database = await TestDatabase.open();
  const { sessions, claims } = await database.ledger().ledger.look();
  assertEquals([sessions.size, claims.size], [0, 0]);
});

Deno.test("Ledger.look() reads sessions and claims with their commits, in two listings", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  const taken = await ledger.take(one, seenFree(3, 255));
  const { sessions, claims } = await ledger.look();
  const versionstamp = one.versionstamp!;
  const session = {
    versionstamp,
    ttlMs,
    accepts: true,
    beats: 0,
    isProven: false,
    first: versionstamp,
    mismatch: undefined,
  };
  assertEquals([...sessions], [["a1", session]]);
  const claim = { owner: "a1", versionstamp: taken.get(3)! };
  assertEquals([...claims], [[3, { slot: 3, ...claim }], [255, { slot: 255, ...claim }]]);
  assertEquals(kv.count("list"), 2);
});

/** Everything that must be heard of: by whom it is done, and what it changes. */
const rings: readonly (readonly [title: string, change: (ledger: Ledger) => Promise<unknown>])[] = [
  ["take() sets a claim", async (ledger) => await ledger.take(await HandClaimant.join(ledger, "a1"), seenFree(1))],
  ["take() writes a claim of its own again", async (ledger) => {
    const one = await HandClaimant.join(ledger, "a1");
    await ledger.take(one, seenFree(1));
    await ledger.take(one, await seenNow(ledger, 1));
  }],
  ["release() deletes a claim", async (ledger) => {
    await ledger.release("a1", await ledger.take(await HandClaimant.join(ledger, "a1"), seenFree(1)));
  }],
  ["bury() deletes a session that has not moved", async (ledger) => {
    await ledger.bury("a1", (await ledger.beat(record("a1"), null))?.versionstamp);
  }],
  ["bury() deletes a session in any case", async (ledger) => {
    await ledger.beat(record("a1"), null);
    await ledger.bury("a1");
  }],
  ["beat() changes what a session accepts", (ledger) => ledger.beat(record("a1"), null, { isNews: true })],
];
for (const [title, change] of rings) {
  Deno.test(`Ledger.${title} and rings the bell in the same operation`, async () => {
    using database = await TestDatabase.open();
    const { kv, ledger } = database.ledger();
    const commits: (string | undefined)[] = [];
    kv.break(async (call) => {
      const result = await call();
      commits.push((result as Deno.KvCommitResult).versionstamp);
      return result;
    }, "commit");
    await change(ledger);
    assertEquals(await ledger.bell(), commits.at(-1));
  });
}

Deno.test("Ledger.beat() does not ring the bell when it only beats", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  await ledger.beat(record("a1"), null);
  assertEquals([await ledger.bell(), (await ledger.sessions()).bell], [null, null]);
});

Deno.test("Ledger.sessions() reads the bell in the listing of the sessions, and takes it for none of them", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  await HandClaimant.join(ledger, "a1");
  await ledger.bury("b1");
  const { sessions, bell } = await ledger.sessions();
  assertEquals([[...sessions.keys()], bell, kv.listed], [["a1"], await ledger.bell(), ["session"]]);
});

Deno.test("Ledger.look() lists the claims again only when the bell has moved", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  const taken = await ledger.take(one, seenFree(1));
  const first = await ledger.look();
  await one.beat();
  const second = await ledger.look(first);
  assertEquals([second.claims === first.claims, kv.listed], [true, ["session", "claim", "session"]]);
  assertEquals(second.sessions.get("a1")?.versionstamp, one.versionstamp);
  await ledger.release("a1", taken);
  const third = await ledger.look(second);
  assertEquals([third.claims.size, kv.listed.slice(3)], [0, ["session", "claim"]]);
});

Deno.test("Ledger.look() lists the claims in a cluster whose bell was never rung, once", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  await ledger.look(await ledger.look());
  assertEquals(kv.listed, ["session", "claim", "session"]);
});

Deno.test("Ledger.look() lists the claims again after a listing of them that failed", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  const known = await ledger.look();
  await ledger.take(one, seenFree(1));
  kv.inject("list", (call) => call());
  kv.inject("list", failWith(reset)); // the claims, when the bell was read
  await assertRejects(() => ledger.look(known), TypeError, "connection reset");
  assertEquals([...(await ledger.look(known)).claims.keys()], [1]);
});

Deno.test("Ledger.look() sees a claim at the next look that changes between its two listings", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  const known = await ledger.look();
  await ledger.bury("b1"); // rings
  kv.inject("list", (call) => call());
  kv.inject("list", async (call) => {
    const listing = await call();
    await ledger.take(one, seenFree(1));
    return listing;
  });
  const torn = await ledger.look(known);
  assertEquals([torn.claims.size, [...(await ledger.look(torn)).claims.keys()]], [0, [1]]);
});

Deno.test("Ledger.look() reads more claims than one batch holds", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger(1_200);
  const one = new HandClaimant(ledger, "a1");
  const claim = { format: 1, session: one.id, nonce: 1 };
  const atomic = database.raw.atomic();
  for (let slot = 0; slot < 1_000; slot++) atomic.set(ledger.keys.claim(slot), claim);
  await atomic.commit();
  assertEquals((await ledger.look()).claims.size, 1_000);
  assertEquals(kv.count("list"), 1 + 3); // the sessions; two full batches and an empty one
});

Deno.test("Ledger.look() ignores slots beyond its own number", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger(16);
  await database.raw.set(ledger.keys.claim(16), { format: 2 });
  assertEquals((await ledger.look()).claims.size, 0);
});

for (const below of [["session"], ["claim"], ["session", "a1"], ["claim", 3]]) {
  Deno.test(`Ledger.look() ignores the control records of a table at ${below.join("/")} below its prefix`, async () => {
    using database = await TestDatabase.open();
    const { ledger } = database.ledger();
    const table = new KvTable(database.raw, { prefix: ["c", ...below], create: () => ({ run: async () => {} }) });
    await table.set("acme", null);
    const { sessions, claims } = await ledger.look();
    assertEquals([sessions.size, claims.size], [0, 0]);
  });
}

Deno.test("Ledger.look() says of a session in another format that it cannot work with it, and how long it lives at most", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  await database.raw.set(["@pact/supervisor", '["c"]', "session", "a1"], { ...record("a1"), format: 2, ttlMs: 1 });
  const { mismatch, accepts, ttlMs: theirs } = (await ledger.look()).sessions.get("a1")!;
  assertEquals([mismatch, accepts, theirs], ["this version reads format 1, its format is 2", false, ttlMs]);
});

Deno.test("Ledger.look() shows no owner for a claim in another format", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  await database.raw.set(ledger.keys.claim(3), { ...record("a1"), format: 2 });
  const { versionstamp } = await database.raw.get(ledger.keys.claim(3));
  assertEquals((await ledger.look()).claims.get(3), { slot: 3, versionstamp: versionstamp!, owner: undefined });
});

Deno.test("Ledger.look() says of a session with another number of slots that it cannot work with it", async () => {
  using database = await TestDatabase.open();
  await database.ledger(128).ledger.beat({ ...record("a1", 1, 128), ttlMs: 9_000 }, null);
  const { mismatch, accepts, ttlMs: theirs } = (await database.ledger(256).ledger.look()).sessions.get("a1")!;
  const expected = "all instances need the same number of slots, current values are 128 there and 256 here";
  assertEquals([mismatch, accepts, theirs], [expected, false, 9_000]);
});

Deno.test("Ledger.look() does not see the cluster of another prefix", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  await ledger.beat(record("a1"), null);
  await database.raw.set(["@pact/supervisor", '["d"]', "session", "b1"], record("b1"));
  assertEquals([...(await ledger.look()).sessions.keys()], ["a1"]);
});

const calls: readonly (readonly [title: string, call: (ledger: Ledger) => Promise<unknown>])[] = [
  ["look", (ledger) => ledger.look()],
  ["beat", (ledger) => ledger.beat(record("a1"), null)],
  ["bury", (ledger) => ledger.bury("a1")],
  ["take", (ledger) => {
    return ledger.take(
      Object.assign(new HandClaimant(ledger, "a1"), { versionstamp: "01".padStart(20, "0") }),
      seenFree(1),
    );
  }],
  ["withTokens", (ledger) => ledger.withTokens(seenFree(1))],
  ["release", (ledger) => ledger.release("a1", new Map([[1, "0"]]))],
];
for (const [name, call] of calls) {
  Deno.test(`Ledger.${name}() rejects with KvTimeoutError when the database does not answer in time`, async () => {
    using database = await TestDatabase.open();
    const { kv, ledger } = database.ledger();
    kv.break(hang());
    const pending = watch(call(ledger));
    await database.pass(timeoutMs - 1);
    assertEquals(pending.fate, "pending");
    await database.pass(1);
    assertEquals([pending.error instanceof KvTimeoutError, database.clock.pending], [true, 0]);
  });

  Deno.test(`Ledger.${name}() rejects with what the database fails with`, async () => {
    using database = await TestDatabase.open();
    const { kv, ledger } = database.ledger();
    kv.break(failWith(reset));
    await assertRejects(() => call(ledger), TypeError, "connection reset");
    assertEquals(database.clock.pending, 0);
  });
}

Deno.test("Ledger.beat() tries again while the database is locked", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  kv.inject("commit", failLocked(), 2);
  const beat = watch(ledger.beat(record("a1"), null));
  await database.pass(10);
  assertEquals([beat.fate, await database.sessions()], ["resolved", ["a1"]]);
});

Deno.test("Ledger.beat() writes over the last record of the session, with one check and no read", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const first = await ledger.beat(record("a1", 1), null);
  const second = await ledger.beat(record("a1", 2), first!.versionstamp);
  const [row] = await database.read("session");
  assertEquals([row.value.nonce, row.versionstamp], [2, second!.versionstamp]);
  assertEquals([kv.checks, kv.count("get")], [[1, 1], 0]);
});

Deno.test("Ledger.beat() writes nothing when the session is buried, and tells where the bell stands", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const first = await ledger.beat(record("a1"), null);
  await ledger.bury("a1");
  const bell = await ledger.bell();
  assertEquals(await ledger.beat(record("a1", 2), first!.versionstamp), { versionstamp: null, bell });
  assertEquals(await database.sessions(), []);
});

Deno.test("Ledger.beat() gives its own record when it landed though it was refused", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  kv.inject("commit", denyAfterLanding());
  const stored = await ledger.beat(record("a1", 5), null);
  const [row] = await database.read("session");
  assertEquals(stored, { nonce: 5, versionstamp: row.versionstamp });
});

Deno.test("Ledger.beat() gives an earlier record that landed though its reply was lost", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  kv.inject("commit", loseReply(reset));
  await assertRejects(() => ledger.beat(record("a1", 5), null), TypeError, "connection reset");
  const stored = await ledger.beat(record("a1", 6), null);
  const [row] = await database.read("session");
  assertEquals(stored, { nonce: 5, versionstamp: row.versionstamp });
});

Deno.test("Ledger.bury() deletes a session that has not moved", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const { versionstamp } = (await ledger.beat(record("a1"), null))!;
  assertEquals([await ledger.bury("a1", versionstamp), await database.sessions()], [true, []]);
});

Deno.test("Ledger.bury() does not delete a session that has moved", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const { versionstamp } = (await ledger.beat(record("a1"), null))!;
  await ledger.beat(record("a1", 2), versionstamp);
  assertEquals([await ledger.bury("a1", versionstamp), await database.sessions()], [false, ["a1"]]);
});

Deno.test("Ledger.bury() deletes a session wherever it stands when no commit is given", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  await ledger.beat(record("a1"), null);
  assertEquals([await ledger.bury("a1"), await database.sessions()], [true, []]);
});

Deno.test("Ledger.bury() is true when the session was gone already", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const { versionstamp } = (await ledger.beat(record("a1"), null))!;
  await ledger.bury("a1");
  assertEquals([await ledger.bury("a1", versionstamp), await ledger.bury("a1")], [true, true]);
});

Deno.test("Ledger.bury() is true when it landed though it was refused", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const { versionstamp } = (await ledger.beat(record("a1"), null))!;
  kv.inject("commit", denyAfterLanding());
  assertEquals(await ledger.bury("a1", versionstamp), true);
});

Deno.test("Ledger.take() takes slots that no session owns, all by one commit", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const taken = await ledger.take(await HandClaimant.join(ledger, "a1"), seenFree(1, 2, 3));
  const rows = await database.read("claim");
  assertEquals([...taken], rows.map(({ key, versionstamp }) => [key.at(-1) as number, versionstamp]));
  assertEquals([...taken.keys()], [1, 2, 3]);
});

Deno.test("Ledger.take() takes nothing for a session that finds out, while the take waits for a beat, that it was buried", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  await ledger.bury("a1");
  one.beating = one.beat();
  const taken = await ledger.take(one, seenFree(1));
  assertEquals([one.versionstamp, taken.size, [...await database.owners()]], [null, 0, []]);
});

Deno.test("Ledger.take() takes slots of a session that is buried", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const [one, other] = [await HandClaimant.join(ledger, "a1"), await HandClaimant.join(ledger, "b1")];
  await ledger.take(one, seenFree(1));
  await ledger.bury("a1");
  const taken = await ledger.take(other, await seenNow(ledger, 1));
  assertEquals([[...taken.keys()], [...await database.owners()]], [[1], [[1, "b1"]]]);
});

Deno.test("Ledger.take() gives a token that sorts behind that of the former owner", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const [one, other] = [await HandClaimant.join(ledger, "a1"), await HandClaimant.join(ledger, "b1")];
  const before = (await ledger.take(one, seenFree(1))).get(1)!;
  await ledger.bury("a1");
  const after = (await ledger.take(other, await seenNow(ledger, 1))).get(1)!;
  assert(after > before, `${after} is not behind ${before}`);
});

Deno.test("Ledger.take() writes a slot of its own again, so that no earlier write can undo it", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  const before = await ledger.take(one, seenFree(1));
  const after = await ledger.take(one, await seenNow(ledger, 1));
  assert(after.get(1)! > before.get(1)!);
  await ledger.release("a1", before);
  assertEquals([...await database.owners()], [[1, "a1"]]);
});

Deno.test("Ledger.take() takes nothing from a session that is there", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const [one, other] = [await HandClaimant.join(ledger, "a1"), await HandClaimant.join(ledger, "b1")];
  await ledger.take(one, seenFree(1));
  const taken = await ledger.take(other, await seenNow(ledger, 1, 2));
  assertEquals([taken.size, [...await database.owners()]], [0, [[1, "a1"]]]);
});

Deno.test("Ledger.take() takes nothing for a session that is buried", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  await ledger.bury("a1");
  assertEquals([(await ledger.take(one, seenFree(1))).size, (await database.owners()).size], [0, 0]);
});

Deno.test("Ledger.take() takes none of the slots when another session was faster with one", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const [one, other] = [await HandClaimant.join(ledger, "a1"), await HandClaimant.join(ledger, "b1")];
  await ledger.take(other, seenFree(2));
  const commits = kv.count("commit");
  assertEquals((await ledger.take(one, seenFree(1, 2))).size, 0);
  assertEquals([...await database.owners()], [[2, "b1"]]);
  assertEquals(kv.count("commit") - commits, 1, "it is tried once");
});

Deno.test("Ledger.take() takes nothing when another session has taken and released a slot since it was seen", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const [one, other] = [await HandClaimant.join(ledger, "a1"), await HandClaimant.join(ledger, "b1")];
  await ledger.take(one, seenFree(1));
  await ledger.bury("a1");
  const seen = await seenNow(ledger, 1);
  await ledger.release("b1", await ledger.take(other, seen));
  assertEquals((await ledger.take(other, seen)).size, 0);
});

Deno.test("Ledger.take() takes what landed though it was refused", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  kv.inject("commit", denyAfterLanding());
  const taken = await ledger.take(one, seenFree(1, 2));
  const rows = await database.read("claim");
  assertEquals([...taken], rows.map(({ key, versionstamp }) => [key.at(-1) as number, versionstamp]));
});

Deno.test("Ledger.take() does not take for its own what it wrote at another time", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  await ledger.take(one, seenFree(1));
  assertEquals((await ledger.take(one, seenFree(1))).size, 0);
});

Deno.test("Ledger.take() tries again when its own heartbeat has overtaken it", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  const gate = Promise.withResolvers<void>();
  kv.inject("commit", holdUntil(gate.promise));
  const take = watch(ledger.take(one, seenFree(1)));
  await database.settle();
  await one.beat();
  gate.resolve();
  await database.settle();
  assertEquals([[...take.value!.keys()], kv.count("commit")], [[1], 4]); // two beats, two tries
});

Deno.test("Ledger.take() waits for a heartbeat that is under way when it was refused", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  const [gate, reply] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  kv.inject("commit", holdUntil(gate.promise));
  kv.inject("commit", async (call) => {
    const result = await call();
    await reply.promise;
    return result;
  });
  const take = watch(ledger.take(one, seenFree(1)));
  await database.settle();
  one.beating = one.beat(); // lands, and its reply is on the way
  await database.settle();
  gate.resolve();
  await database.settle();
  assertEquals(take.fate, "pending");
  reply.resolve();
  await database.settle();
  assertEquals([...take.value!.keys()], [1]);
});

Deno.test("Ledger.take() waits for a heartbeat that is under way before it begins", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  const gate = Promise.withResolvers<void>();
  kv.inject("commit", holdUntil(gate.promise));
  one.beating = one.beat();
  const take = watch(ledger.take(one, seenFree(1)));
  await database.settle();
  assertEquals(kv.count("commit"), 2);
  gate.resolve();
  await database.settle();
  assertEquals([[...take.value!.keys()], kv.count("commit")], [[1], 3]);
});

Deno.test("Ledger.take() gives up when its own heartbeats overtake it three times", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  let takes = 0;
  const beatFirst: KvFault = async (call) => {
    takes++;
    kv.break();
    await one.beat();
    kv.break(beatFirst, "commit");
    return await call();
  };
  kv.break(beatFirst, "commit");
  assertEquals([(await ledger.take(one, seenFree(1))).size, takes], [0, 3]);
});

Deno.test("Ledger.take() rejects when the reply is lost, and a look tells that it landed", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const one = await HandClaimant.join(ledger, "a1");
  kv.inject("commit", loseReply(reset));
  await assertRejects(() => ledger.take(one, seenFree(1)), TypeError, "connection reset");
  const seen = await seenNow(ledger, 1);
  assertEquals(seen[0].owner, "a1");
  assertEquals([...(await ledger.take(one, seen)).keys()], [1]);
});

/** Tells which tokens stand, as texts. */
async function tokensOf(ledger: Ledger): Promise<string[]> {
  const tokens = await ledger.tokens(0, 256);
  return [...tokens].flatMap(([slot, each]) => [...each.keys()].map((id) => `${slot} of ${id}`));
}

Deno.test("Ledger.take() and release() set and delete the tokens together with the claims", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const [one, other] = [await HandClaimant.join(ledger, "a1"), await HandClaimant.join(ledger, "b1")];
  const taken = await ledger.take(one, seenFree(1, 2, 3));
  assertEquals(await tokensOf(ledger), ["1 of a1", "2 of a1", "3 of a1"]);
  assertEquals((await database.raw.get(ledger.tokenKey(1, "a1"))).versionstamp, taken.get(1));
  await ledger.release("a1", new Map([...taken].slice(0, 1)));
  await ledger.bury("a1");
  await ledger.take(other, await seenNow(ledger, 2));
  assertEquals(await tokensOf(ledger), ["2 of b1", "3 of a1"]);
});

Deno.test("Ledger.take() deletes the token of a session whose claim was deleted by hand", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const [one, other] = [await HandClaimant.join(ledger, "a1"), await HandClaimant.join(ledger, "b1")];
  await ledger.take(one, seenFree(1));
  await database.raw.delete(ledger.keys.claim(1));
  await ledger.take(other, await seenNow(ledger, 1));
  assertEquals(await tokensOf(ledger), ["1 of b1"]);
});

Deno.test("Ledger.take() takes a slot of a dead session whose token was deleted by hand", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const [one, other] = [await HandClaimant.join(ledger, "a1"), await HandClaimant.join(ledger, "b1")];
  await ledger.take(one, seenFree(1));
  await ledger.bury("a1");
  await database.raw.delete(ledger.tokenKey(1, "a1"));
  assertEquals((await ledger.take(other, await seenNow(ledger, 1))).size, 1);
});

/**
 * A database whose copy has the sessions a1, b1 and c1, and of which a1 took slot 1 afterwards; and is dead. What b1 has seen of
 * that is handed to it when the database is set back.
 */
async function openSetBack() {
  const memory = new MemoryKv();
  const database = TestDatabase.over(memory);
  const { ledger } = database.ledger();
  const claimants = [];
  for (const id of ["a1", "b1", "c1"]) claimants.push(await HandClaimant.join(ledger, id));
  const [one, other, third] = claimants;
  await ledger.bury("none");
  const copy = memory.copy();
  const taken = (await ledger.take(one, seenFree(1))).get(1)!;
  const seen = await seenNow(ledger, 1);
  memory.restore(copy);
  return { database, ledger, one, other, third, seen, taken };
}

Deno.test("Ledger.take() takes no slot whose claim has the commit that it saw, and another owner since the database was set back", async () => {
  const { database, ledger, other, third, seen, taken } = await openSetBack();
  using _database = database;
  assertEquals((await ledger.take(third, seenFree(1))).get(1), taken, "the same number, in another history");
  await ledger.bury("a1");
  assertEquals((await ledger.take(other, seen)).size, 0);
  assertEquals(await tokensOf(ledger), ["1 of c1"]);
});

Deno.test("a token of a slot is never that of another owner, though the database was set back", async () => {
  const { database, ledger, third, taken } = await openSetBack();
  using _database = database;
  assertEquals((await ledger.take(third, seenFree(1))).get(1), taken, "the same number, in another history");
  const write = database.raw.atomic().check({ key: ledger.tokenKey(1, "a1"), versionstamp: taken });
  assertEquals((await write.set(["out"], 1).commit()).ok, false);
});

Deno.test("Ledger.release() deletes the claims by one commit with a check on each", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const taken = await ledger.take(await HandClaimant.join(ledger, "a1"), seenFree(1, 2, 3));
  taken.delete(3);
  await ledger.release("a1", taken);
  assertEquals([[...await database.owners()], kv.checks.at(-1)], [[[3, "a1"]], 2]);
});

Deno.test("Ledger.release() deletes none of the claims when one belongs to another session", async () => {
  using database = await TestDatabase.open();
  const { ledger } = database.ledger();
  const [one, other] = [await HandClaimant.join(ledger, "a1"), await HandClaimant.join(ledger, "b1")];
  const taken = await ledger.take(one, seenFree(1, 2));
  await ledger.bury("a1");
  await ledger.take(other, await seenNow(ledger, 2));
  await ledger.release("a1", taken);
  assertEquals([...await database.owners()], [[1, "a1"], [2, "b1"]]);
});

const groups: readonly (readonly [title: string, owners: string, groups: readonly string[]])[] = [
  ["no slots", "", []],
  ["one slot", ".", ["."]],
  ["nine free slots", ".........", ["........."]],
  ["ten free slots", "..........", [".........", "."]],
  ["slots of our own, whose session needs no other check", "aaaaaaaaaa", ["aaaaaaaaa", "a"]],
  ["slots of one other", "bbbbbbbbb", ["bbbbbbbb", "b"]],
  ["slots of many others", "bcdefghij", ["bcde", "fghi", "j"]],
  ["slots of all kinds", "a.bbcc.d.", ["a.bbcc.", "d."]],
];
for (const [title, owners, expected] of groups) {
  Deno.test(`takeable() of ${title} makes groups of at most 10 checks`, () => {
    const seen = [...owners].map((owner, slot) => ({
      slot,
      versionstamp: null,
      owner: owner === "." ? undefined : owner,
    }));
    const made = takeable(seen, "a");
    assertEquals(made.map((group) => group.map(({ owner = "." }) => owner).join("")), expected);
    assertEquals(made.flat(), seen);
  });
}

for (const owners of [".........", "bbbbbbbb", "bcde", "a.bbcc."]) {
  Deno.test(`Ledger.take() of slots of ${JSON.stringify(owners)} makes at most 10 checks`, async () => {
    using database = await TestDatabase.open();
    const { kv, ledger } = database.ledger();
    const one = await HandClaimant.join(ledger, "a");
    const former = await Promise.all([..."bcdefgh"].map((id) => HandClaimant.join(ledger, id)));
    for (const [slot, owner] of [...owners].entries()) {
      const claimant = owner === "a" ? one : former.find(({ id }) => id === owner);
      if (claimant) await ledger.take(claimant, seenFree(slot));
    }
    for (const { id } of former) await ledger.bury(id);
    kv.checks.length = 0;
    const taken = await ledger.take(one, await seenNow(ledger, ...[...owners].keys()));
    assertEquals([taken.size, kv.checks.length], [owners.length, 1]);
    assert(kv.checks[0] <= 10, `${kv.checks[0]} checks`);
  });
}

Deno.test("Ledger.commit() commits again what was refused since the file was locked", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  kv.inject("commit", failLocked(), 2);
  const written = watch(ledger.commit(kv.atomic().set(["out"], 1), () => true));
  await database.pass(20);
  assertEquals([written.fate, kv.count("commit"), (await kv.get(["out"])).value], ["resolved", 3, 1]);
});

Deno.test("Ledger.commit() does not send a write that waits when its claim is lost", async () => {
  using database = await TestDatabase.open();
  const { kv, ledger } = database.ledger();
  const gate = Promise.withResolvers<void>();
  let isHeld = true;
  const write = (value: number) => watch(ledger.commit(kv.atomic().set(["out"], value), () => isHeld));
  kv.inject("commit", hang());
  kv.inject("get", holdUntil(gate.promise)); // the probe
  const first = write(1);
  await database.pass(timeoutMs);
  assert(first.error instanceof KvTimeoutError);
  const waiting = write(2);
  await database.settle();
  isHeld = false;
  gate.resolve();
  await database.settle();
  assertEquals([waiting.value, kv.count("commit"), (await database.raw.get(["out"])).value], [{ ok: false }, 1, null]);
});
