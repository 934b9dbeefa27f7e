/** The production example as several OS processes on one file that are killed, held up, stopped and replaced. */

import { assert, assertEquals, assertGreaterOrEqual, assertLess, assertLessOrEqual } from "@std/assert";
import { delay } from "@std/async/delay";
import { sized } from "../size.ts";
import {
  assertDeafAreReplaced,
  assertPausedIsNotPolled,
  assertRefusedAreTriedOncePerOwner,
  assertThrottledAreNotTriedEarly,
  assertWorkInFlightEnds,
} from "./bots_checks.ts";
import { Instance } from "./bots_instance.ts";
import { RecordingMessenger, retryAfterMs } from "./bots_messenger.ts";

const moods = ["fine", "revoked", "busy", "broken", "deaf"];

/** A directory, a messenger, and instances that are all killed at the end. */
class Fleet implements AsyncDisposable {
  readonly messenger = new RecordingMessenger();
  readonly instances: Instance[] = [];
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async make(): Promise<Fleet> {
    return new Fleet(await Deno.makeTempDir({ prefix: "bots_" }));
  }

  async start(): Promise<Instance> {
    const instance = await Instance.start(`${this.#dir}/data`, this.messenger.url);
    this.instances.push(instance);
    return instance;
  }

  /** Adds a tenant for each name, which is its token too, by turns through each instance. */
  async add(names: readonly string[]): Promise<void> {
    for (const [i, token] of names.entries()) {
      await this.instances[i % this.instances.length].ask("PUT", `/tenants/${token}`, { token });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const instance of this.instances) await instance[Symbol.asyncDispose]();
    await this.messenger[Symbol.asyncDispose]();
    await Deno.remove(this.#dir, { recursive: true });
  }
}

function named(mood: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${mood}-${i + 1}`);
}

/** Waits until something is so. */
async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const endsAt = Date.now() + 20_000;
  while (!await isSo()) {
    assertLess(Date.now(), endsAt, `it takes too long until ${what}`);
    await delay(10);
  }
}

Deno.test("bots.ts tries each parked tenant once, and each throttled one when it is time, after kill -9 of its instance", async () => {
  await using fleet = await Fleet.make();
  const victim = await fleet.start();
  const { messenger } = fleet;
  await fleet.add([...named("revoked", 20), ...named("busy", 20)]);
  const saw = (pattern: RegExp) => victim.lines.filter((line) => pattern.test(line)).length;
  await until(() => saw(/parked as unrecoverable/) === 20 && saw(/RetryAfterError/) === 20, "all are in trouble");
  assertEquals(messenger.calls.length, 40);
  const survivor = await fleet.start();
  const isTold = async () => (await survivor.ask("GET", "/tenants")).every(({ state }) => state !== "running");
  await until(isTold, "the table remembers what is wrong");
  assertEquals(messenger.calls.length, 40, "the victim has them all");
  await victim.kill();
  const polls = () => ["revoked", "busy"].map((mood) => [...messenger.polls(mood).values()]);
  await until(() => polls().flat().every(({ length }) => length > 1), "the survivor has tried them all");
  const [revoked, busy] = polls();
  const names = [victim.name, survivor.name];
  for (const polls of revoked) assertEquals(polls.map(({ instance }) => instance), names);
  const waits = busy.map(([first, second]) => second.at - first.endedAt);
  assertGreaterOrEqual(Math.min(...waits), retryAfterMs - 10);
  const tookOverAt = Math.max(...revoked.map(([, second]) => second.at));
  for (const [first, second] of busy) {
    assertLessOrEqual(second.at, Math.max(first.endedAt + retryAfterMs, tookOverAt) + 1_500);
  }
  const tookOverMs = tookOverAt - victim.harmed[0].from;
  console.log(`tried after ${tookOverMs} ms; waited for ${Math.min(...waits)} to ${Math.max(...waits)} ms`);
});

/** What becomes of the instances; each step leaves as many as there were. */
const steps: Record<string, (fleet: Fleet, living: Instance[]) => Promise<void>> = {
  async kill(fleet, living) {
    await living.shift()?.kill();
    living.push(await fleet.start());
  },
  async hold(_fleet, living) {
    living[0].hold();
    await delay(6_000); // longer than it may be silent
    living[0].letGo();
  },
  async stop(fleet, living) {
    await endWell(living.shift());
    living.push(await fleet.start());
  },
  async roll(fleet, living) {
    for (const old of living.splice(0)) {
      living.push(await fleet.start());
      await endWell(old);
    }
  },
};

async function endWell(instance?: Instance): Promise<void> {
  const { code, durationMs } = await instance!.end("SIGINT");
  assertEquals(code, 0, instance!.output);
  assertLess(durationMs, 5_000);
}

const plan = sized({
  short: { instances: 2, each: 3, steps: ["kill", "roll"], restMs: 2_000 },
  full: {
    instances: 3,
    each: 12,
    steps: ["kill", "stop", "hold", "kill", "roll", "stop", "hold", "kill", "stop", "roll"],
    restMs: 9_600,
  },
});

Deno.test(`bots.ts treats ${plan.each * 5} tenants as they are in trouble while ${plan.instances} instances come and go`, async () => {
  await using fleet = await Fleet.make();
  const { messenger, instances } = fleet, living: Instance[] = [];
  for (let i = 0; i < plan.instances; i++) living.push(await fleet.start());
  await fleet.add(moods.flatMap((mood) => named(mood, plan.each)));
  await until(() => moods.every((mood) => messenger.polls(mood).size === plan.each), "every tenant is polled");
  const startedAt = Date.now();

  await living[0].ask("POST", "/tenants/fine-1/pause", { reason: "invoice 7 is open" });
  await delay(1_500);
  const pausedAt = Date.now();
  const deaf = () => [...messenger.polls("deaf").values()].flat();
  await until(() => deaf().some(({ hasGivenUp }) => hasGivenUp), "a bot gives up on a deaf messenger");
  for (const step of plan.steps) {
    await steps[step](fleet, living);
    await delay(plan.restMs);
  }
  const busy = () => [...messenger.polls("busy").values()];
  await until(() => busy().every(({ length }) => length > 1), "those that were throttled are tried again");
  const tenants = await living[0].ask("GET", "/tenants");
  const endedAt = Date.now();
  await Promise.all(living.map(endWell));

  assertEquals(tenants.length, plan.each * 5);
  for (const { id, state } of tenants) {
    if (id === "fine-1") assertEquals(state, "paused");
    else if (String(id).startsWith("revoked")) assertEquals(state, "parked");
  }
  const course = { messenger, instances, endedAt };
  const figures = [
    `${Math.round((endedAt - startedAt) / 1_000)} s, ${instances.length} OS processes, ${messenger.calls.length} calls`,
    assertRefusedAreTriedOncePerOwner(course),
    assertThrottledAreNotTriedEarly(course),
    assertDeafAreReplaced(course),
    assertPausedIsNotPolled(course, "fine-1", pausedAt),
    assertWorkInFlightEnds(course),
  ];
  console.log(figures.join("\n"));
  assert(instances.every((instance) => !/twice|Uncaught|The program/.test(instance.output)));
});
