/** Programs of several revisions on one file: a rollout, a rollback, the death of all new ones, and a drain. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { nop } from "@pact/supervisor";
import { delay } from "@std/async/delay";
import { Program } from "../os/program.ts";
import { keys, rolloutPace, rolloutTable } from "./rollout.ts";

const { heartbeatMs, ttlMs } = rolloutPace;
/** How long anything may take that is not measured, in ms. */
const patienceMs = 20_000;
/** What the machine may add to what is promised, in ms: programs that all look into one file on two cores. */
const slackMs = 1_000;

/** One instance of a revision. */
class Instance extends Program {
  #address = "";

  static async up(path: string, revision: string): Promise<Instance> {
    const instance = new Instance("tests/cluster/rollout_program.ts", path, revision);
    instance.#address = (await instance.line(/listening on (.+)$/))[1];
    return instance;
  }

  /** How often a process has started in it. */
  get starts(): number {
    return this.lines.filter((line) => line.startsWith("started ")).length;
  }

  async ask(what: "" | "drain" | "accept" = ""): Promise<string[]> {
    return await (await fetch(`${this.#address}/${what}`)).json();
  }
}

function three(path: string, revision: string): Promise<Instance[]> {
  return Promise.all([1, 2, 3].map(() => Instance.up(path, revision)));
}

function startsOf(instances: readonly Instance[]): number {
  return instances.reduce((sum, { starts }) => sum + starts, 0);
}

/** Waits until every process runs in one of the instances only, and as long as that is so. Returns how long that took, in ms. */
async function allRunIn(
  instances: readonly Instance[],
  isRight = (_counts: readonly number[]) => true,
): Promise<number> {
  const beganAt = Date.now();
  const expected = JSON.stringify(keys.toSorted());
  for (;;) {
    const running = await Promise.all(instances.map((instance) => instance.ask()));
    const isAll = JSON.stringify(running.flat().sort()) === expected;
    if (isAll && isRight(running.map(({ length }) => length))) return Date.now() - beganAt;
    const passedMs = Date.now() - beganAt;
    assert(passedMs < patienceMs, `after ${passedMs} ms there run ${running.map(({ length }) => length)}`);
    await delay(20);
  }
}

/** Waits until nothing starts any more. */
async function quiet(instances: readonly Instance[]): Promise<void> {
  for (let before = -1; before !== startsOf(instances);) {
    before = startsOf(instances);
    await delay(3 * heartbeatMs);
  }
}

/** Lets the new ones prove themselves, and then the old ones stop. Returns how many processes have started meanwhile. */
async function replace(old: readonly Instance[], all: readonly Instance[], by: readonly Instance[]): Promise<number> {
  const before = startsOf(all);
  await delay(4 * heartbeatMs);
  for (const instance of old) assertEquals((await instance.end("SIGTERM")).code, 0, instance.output);
  await allRunIn(by);
  await quiet(by); // what moves once more would be seen
  return startsOf(all) - before;
}

Deno.test("three programs are replaced by three, and back, with one move of each of 60 keys; when the newest die the others take over; a drained one lives on", async () => {
  const directory = await Deno.makeTempDir({ prefix: "rollout_" });
  const path = `${directory}/rollout.sqlite3`;
  {
    using kv = await Deno.openKv(path);
    for (const key of keys) await rolloutTable(kv, () => nop).set(key, null);
  }
  await using stack = new AsyncDisposableStack();
  const all: Instance[] = [];
  const start = async (revision: string) => {
    const instances = await three(path, revision);
    for (const instance of instances) all.push(stack.use(instance));
    return instances;
  };

  const first = await start("one");
  await allRunIn(first, (counts) => !counts.includes(0));
  await quiet(first);
  const second = await start("two");
  const moves = await replace(first, all, second);
  const back = await start("one");
  const movesBack = await replace(second, all, back);
  console.log(`${moves} moves, and ${movesBack} back`);
  assertEquals([moves, movesBack], [keys.length, keys.length]);

  const [leaving, ...staying] = back;
  const newest = await start("three");
  await delay(4 * heartbeatMs);
  await leaving.end("SIGTERM");
  await allRunIn([...staying, ...newest], (counts) => counts.slice(2).some((count) => count > 0));
  await Promise.all(newest.map((instance) => instance.end("SIGKILL")));
  const takenMs = await allRunIn(staying);
  console.log(`all run ${takenMs} ms after the newest were killed`);
  assertLess(takenMs, ttlMs + 2 * heartbeatMs + slackMs);

  const [drained, other] = staying;
  assertEquals(await drained.ask("drain"), []);
  await allRunIn([other]);
  await delay(3 * heartbeatMs);
  assertEquals(await drained.ask(), []);
  await drained.ask("accept");
  await allRunIn(staying, (counts) => !counts.includes(0));
  for (const instance of staying) assertEquals((await instance.end("SIGTERM")).code, 0, instance.output);
  await Deno.remove(directory, { recursive: true });
});
