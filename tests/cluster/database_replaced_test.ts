/** A database that is set back to an earlier copy, emptied or replaced by another one while instances run. */

import { assert, assertEquals } from "@std/assert";
import { chain, Supervisor } from "@pact/supervisor";
import { DatabaseReplacedError, historyOf } from "../../src/kv/history.ts";
import type { KvTableContext, KvTableKey } from "../../src/kv/mod.ts";
import { failWith, hang, holdReply, type KvFault } from "../../src/testing/mod.ts";
import { Bot, type BotOptions, botTable } from "../kv/fixtures.ts";
import { MemoryKv } from "../memory_kv/memory_kv.ts";
import { heartbeatMs, manyKeys, type TestInstance, ttlMs, World } from "./fixtures.ts";

const keys = manyKeys(24);

/** Three instances that run all keys, each with a spec, on a database that can be set back. */
async function openThree() {
  const memory = new MemoryKv();
  const world = World.over(memory);
  for (const key of keys) await world.writer.set(key, "first");
  const instances: TestInstance[] = [];
  for (const name of ["a", "b", "c"]) instances.push(await world.member(name));
  await world.pass(8 * heartbeatMs);
  return { memory, world, instances, one: instances[0] };
}

/** Where each key runs, as "key spec instance", sorted. */
function running(instances: readonly TestInstance[]): string[] {
  return instances.flatMap(({ keys, bots, name }) => keys.map((key) => `${key} ${bots.get(key)!.spec} ${name}`)).sort();
}

function replaced({ events }: TestInstance): string[] {
  return events.flatMap((event) => event.type === "database-replaced" ? [event.evidence] : []);
}

/** What is done to the database, by name, and the specs that stand there then. */
const replacements: Record<string, (three: Awaited<ReturnType<typeof openThree>>) => Promise<void>> = {
  "set back to a copy from before the last heartbeats": async ({ memory, world }) => {
    const copy = memory.copy();
    await world.writer.set(keys[0], "lost");
    await world.pass(2 * heartbeatMs);
    memory.restore(copy);
  },
  "set back to a copy from before the instances came": async ({ memory, world }) => {
    const empty = new MemoryKv();
    await botTable(empty).set("stranger", "first");
    await world.pass(heartbeatMs);
    memory.restore(empty.copy());
  },
  "emptied": ({ memory }) => Promise.resolve(memory.restore(new MemoryKv().copy())),
};
for (const [what, replace] of Object.entries(replacements)) {
  Deno.test(`Cluster is right again within two heartbeats when its database is ${what}`, async () => {
    const three = await openThree();
    await using world = three.world;
    const { instances } = three;
    const left = world.database.raw;
    await replace(three);
    world.mayOverlap = true; // until an instance notices, what it runs is not in the database
    await world.pass(2 * heartbeatMs);
    const rows = await Array.fromAsync(left.list<string>({ prefix: ["bots"] }));
    const desired = rows.map(({ key, value }) => `${String(key.at(-1))} ${value}`).sort();
    assertEquals(running(instances).map((line) => line.replace(/ \w$/, "")), desired);
    for (const instance of instances) {
      assertEquals(replaced(instance).length, 1, `${instance.name} has told of ${replaced(instance)}`);
      assertEquals(instance.of("session-fenced").map(({ cause }) => cause), ["database-replaced"]);
      assertEquals(instance.of("session-dead"), [], "nobody waits for sessions of its own");
    }
    await world.pass(2 * ttlMs);
    assertEquals(instances.map(({ events }) => events.filter(({ type }) => type === "session-fenced").length), [
      1,
      1,
      1,
    ]);
  });
}

Deno.test("Cluster replaces what has the versionstamp of a spec that was lost, and another value", async () => {
  const { memory, world: open, instances, one } = await openThree();
  await using world = open;
  const copy = memory.copy();
  for (const key of keys) await world.writer.set(key, "lost");
  const { versionstamp } = await memory.get(["bots", keys.at(-1)!]);
  await world.pass(2 * heartbeatMs);
  assertEquals(running(instances).filter((line) => line.includes(" lost ")).length, keys.length);
  memory.restore(copy);
  for (const key of keys) await world.writer.set(key, "found");
  assertEquals((await memory.get(["bots", keys.at(-1)!])).versionstamp, versionstamp, "the same number, another value");
  world.mayOverlap = true;
  await world.pass(2 * heartbeatMs);
  assertEquals(running(instances).filter((line) => line.includes(" found ")).length, keys.length);
  assertEquals([replaced(one).length, running(instances).length], [1, keys.length]);
});

Deno.test("Cluster refuses the writes of a former owner whose token another owner has the number of", async () => {
  const { memory, world: open, instances } = await openThree();
  await using world = open;
  const claims = instances.flatMap(({ bots }) => [...bots.values()].map(({ claim }) => claim!));
  memory.restore(new MemoryKv().copy());
  world.mayOverlap = true;
  await world.pass(3 * heartbeatMs);
  const outcomes = await Promise.all(
    claims.map((claim) => memory.atomic().check(claim.check).set(["out"], 1).commit()),
  );
  assert(outcomes.every(({ ok }) => !ok), "a write was accepted under a claim of the history that is gone");
});

Deno.test("Supervisor without a cluster replaces what differs by value when its database is set back, and nothing else", async () => {
  const memory = new MemoryKv();
  const world = World.over(memory);
  const [one, other, third] = keys;
  for (const key of [one, other]) await world.writer.set(key, "first");
  const copy = memory.copy();
  await world.writer.set(other, "lost");
  await world.writer.set(one, "first"); // a later commit of the same value
  const { clock } = world;
  const table = world.writer;
  const supervisor = new Supervisor(table, { clock, random: () => 0.5 });
  const events: string[] = [];
  supervisor.subscribe((event) => {
    if (event.type === "replaced") events.push(`${event.key} is replaced`);
    if (event.type === "table-failed") events.push(String(event.error));
  });
  const ending = Promise.withResolvers<void>();
  const run = chain(supervisor).run(() => ending.promise);
  await world.pass(1_000);
  memory.restore(copy);
  await table.set(third, "new");
  await table.set(other, "found");
  await world.pass(5_000);
  assertEquals(supervisor.keys(), [one, other, third]);
  assertEquals(events.filter((event) => event.includes("replaced")), [
    `DatabaseReplacedError: The database was set back, emptied or replaced: ${events[0]?.split("replaced: ")[1]}`,
    `${other} is replaced`,
  ]);
  ending.resolve();
  await run;
});

Deno.test("Supervisor starts a key that is parked on a spec that was lost, though the new one has its versionstamp", async () => {
  const memory = new MemoryKv();
  const world = World.over(memory);
  const { clock } = world;
  const create = (spec: unknown, key: KvTableKey, context: KvTableContext) => {
    if (spec === "bad") throw new Error("cannot be built");
    return new Bot(key, spec, context);
  };
  const table = botTable(memory, { clock, create });
  const supervisor = new Supervisor(table, { clock, random: () => 0.5, restart: { limit: 1 } });
  supervisor.subscribe(() => {});
  const ending = Promise.withResolvers<void>();
  const run = supervisor.run(() => ending.promise, { signal: new AbortController().signal });
  await world.pass(1_000);
  const copy = memory.copy();
  await table.set("acme", "bad");
  const { versionstamp } = await memory.get(["bots", "acme"]);
  await world.pass(5_000);
  assertEquals(supervisor.snapshot().processes.map(({ key, state }) => [key, state]), [["acme", "parked"]]);
  memory.restore(copy);
  await table.set("acme", "good");
  assertEquals((await memory.get(["bots", "acme"])).versionstamp, versionstamp);
  await world.pass(5_000);
  assertEquals(supervisor.keys(), ["acme"]);
  ending.resolve();
  await run;
});

/** A supervisor without a cluster that runs "acme", over a handle whose faults a test makes; the copy is from before the change. */
async function openOne(options: BotOptions<unknown> = {}, intervalMs?: number) {
  const memory = new MemoryKv();
  const world = World.over(memory);
  const { clock, writer } = world;
  await writer.set("other", "first");
  await writer.set("acme", "first");
  const kv = world.database.handle();
  const specs: unknown[] = [];
  const create = (spec: unknown, key: KvTableKey, context: KvTableContext) => {
    if (key === "acme") specs.push(spec);
    return new Bot(key, spec, context);
  };
  const table = botTable(kv, { clock, create, ...options });
  const supervisor = new Supervisor(table, { clock, random: () => 0.5, intervalMs });
  const evidence: string[] = [];
  supervisor.subscribe((event) => {
    if (event.type !== "table-failed" || !(event.error instanceof DatabaseReplacedError)) return;
    evidence.push(event.error.evidence);
  });
  const ending = Promise.withResolvers<void>();
  const run = chain(supervisor).run(() => ending.promise);
  await world.pass(2_000);
  const copy = memory.copy();
  return {
    memory,
    world,
    kv,
    specs,
    evidence,
    copy,
    async [Symbol.asyncDispose]() {
      ending.resolve();
      await run;
      await world[Symbol.asyncDispose]();
    },
  };
}

Deno.test("Supervisor notices that its database was set back while its changes could not be followed", async () => {
  await using one = await openOne();
  const { memory, world, kv, specs, evidence } = one;
  await world.writer.set("acme", "lost");
  const { versionstamp } = await memory.get(["bots", "acme"]);
  await world.pass(2_000);
  kv.break(failWith(new Error("oops")));
  await world.pass(20_000);
  memory.restore(one.copy);
  await world.writer.set("acme", "found");
  assertEquals((await memory.get(["bots", "acme"])).versionstamp, versionstamp);
  kv.break();
  await world.pass(60_000);
  assertEquals(specs, ["first", "lost", "found"]);
  assertEquals(evidence, [`another change has the versionstamp of the last one that was seen, ${versionstamp}`]);
});

Deno.test("Supervisor runs what its table says when that was set back, and what is lost was read while its changes could not be followed", async () => {
  await using one = await openOne();
  const { memory, world, kv, specs } = one;
  kv.break(failWith(new Error("oops")), "get");
  await world.pass(20_000);
  await world.writer.set("acme", "lost");
  await world.pass(120_000); // a pass comes across it
  assertEquals(specs, ["first", "lost"]);
  memory.restore(one.copy);
  await world.writer.set("acme", "found");
  kv.break();
  await world.pass(120_000);
  assertEquals(specs, ["first", "lost", "found"]);
});

Deno.test("Supervisor runs what its table says when that was set back, and what is lost was read before its change was", async () => {
  await using one = await openOne({ pollMs: 60_000 }, 20_000);
  const { memory, world, specs } = one;
  await world.writer.set("acme", "lost");
  await world.pass(30_000); // a pass comes across it
  assertEquals(specs, ["first", "lost"]);
  memory.restore(one.copy);
  await world.writer.set("acme", "found");
  await world.pass(60_000);
  assertEquals(specs, ["first", "lost", "found"]);
});

Deno.test("Cluster tells once that its database was set back when a table notices while the first beat of a session is on its way", async () => {
  const memory = new MemoryKv();
  await using world = World.over(memory);
  const one = await world.member("a");
  const copy = memory.copy();
  await world.pass(20 * heartbeatMs);
  one.kv.break(hang());
  await world.pass(2.5 * heartbeatMs); // fenced
  memory.restore(copy);
  const gate = Promise.withResolvers<void>();
  one.kv.break(holdReply(gate.promise), "commit");
  while (!(await world.database.sessions()).includes("a-1")) await world.pass(10);
  historyOf(one.kv).changed("seen by a table");
  one.kv.break();
  gate.resolve();
  await world.pass(5 * heartbeatMs);
  assertEquals([replaced(one), one.owned.length], [["seen by a table"], 16]);
});

/** What becomes of the first record of a session, and of each later one, until the database is set back. */
const unacknowledged: Record<string, KvFault> = {
  "has landed, and was not acknowledged": async (call) => {
    const answer = await call();
    if ((answer as Deno.KvCommitResult).ok) throw new Error("reset"); // what is refused is read back
    return answer;
  },
  "could not be written": failWith(new Error("refused")),
};
for (const [what, fault] of Object.entries(unacknowledged)) {
  Deno.test(`Cluster begins to join anew when its database is set back and the first record of its session ${what}`, async () => {
    const memory = new MemoryKv();
    await using world = World.over(memory);
    const old = await world.member("b", { revision: "r1" });
    const copy = memory.copy();
    await world.pass(20 * heartbeatMs);
    const one = world.instance("a", { revision: "r2" });
    const order = async () => (await world.database.ledger().ledger.enrolments.revisions()).order;
    one.kv.break(
      async (call, readings) => await (await order()).includes("r2") ? fault(call, readings) : call(),
      "commit",
    );
    one.begin();
    await world.pass(2 * heartbeatMs);
    assertEquals([await order(), one.of("session-joined")], [["r1", "r2"], []]);
    memory.restore(copy);
    one.kv.break();
    await world.pass(4 * heartbeatMs);
    const sessions = (await world.database.sessions()).filter((id) => String(id).startsWith("a-"));
    assertEquals([sessions, replaced(one).length, one.of("session-fenced")], [["a-1"], 1, []]);
    assertEquals(await order(), ["r1", "r2"], "its revision is in the order of the history that goes on");
    assertEquals(old.of("session-fenced").length, 1);
  });
}

for (const last of ["r1", "r2"]) {
  Deno.test(`Clusters bring the order of their revisions back when their database is emptied, and ${last} joins last`, async () => {
    const memory = new MemoryKv();
    await using world = World.over(memory);
    const members = [];
    for (const [name, revision] of [["a", "r1"], ["b", "r2"]]) {
      members.push({ revision, instance: await world.member(name, { revision }) });
      await world.pass(4 * heartbeatMs);
    }
    const order = async () => (await world.database.ledger().ledger.enrolments.revisions()).order;
    assertEquals(await order(), ["r1", "r2"]);
    const late = members.find(({ revision }) => revision === last)!.instance;
    memory.restore(new MemoryKv().copy());
    late.kv.break(hang());
    await world.pass(2 * heartbeatMs);
    assertEquals(await order(), [last === "r1" ? "r2" : "r1"]);
    late.kv.break();
    await world.pass(6 * heartbeatMs);
    assertEquals(await order(), ["r1", "r2"]);
    assertEquals(members.map(({ instance }) => replaced(instance).length), [1, 1]);
  });
}
