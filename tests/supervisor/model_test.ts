import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Supervisor } from "@pact/supervisor";
import { sized } from "../size.ts";
import { ErrorConsole, UnhandledRejections } from "./fixtures/mod.ts";
import { importChanged } from "../changed_library.ts";
import { type Mutant, mutants } from "./model/mutants.ts";
import { Scenario, type Step, step } from "./model/scenario.ts";
import { drain } from "./model/sim_clock.ts";

const sequences = Number(Deno.env.get("MODEL_SEQUENCES") ?? sized({ short: 2_000, full: 10_000 }));
const seed = Number(Deno.env.get("MODEL_SEED") ?? Date.now() % 1_000_000);

async function play(
  steps: Step[],
  announces: boolean,
  startConcurrency: number,
  Kind: typeof Supervisor = Supervisor,
): Promise<Scenario> {
  using _printed = new ErrorConsole(); // what is suppressed by an earlier error
  const scenario = new Scenario(announces, startConcurrency, Kind);
  await scenario.begin();
  for (const step of steps) await scenario.take(step);
  await scenario.calm();
  await scenario.end();
  await drain();
  assertEquals(scenario.clock.pending, 0, "a timer is left");
  return scenario;
}

const history = fc.array(step, { minLength: 1, maxLength: 25 });
const histories = [history, fc.boolean(), fc.constantFrom(1, 128)] as const;

Deno.test(`a supervisor keeps its invariants in ${sequences} random histories (MODEL_SEED=${seed})`, async () => {
  const unhandled: unknown[] = [];
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  addEventListener("unhandledrejection", listener);
  const property = fc.asyncProperty(...histories, async (steps, announces, limit) => {
    await play(steps, announces, limit);
    assertEquals(unhandled, [], "unhandled rejections");
  });
  try {
    await fc.assert(property, {
      numRuns: sequences,
      seed,
      interruptAfterTimeLimit: 120_000,
      markInterruptAsFailure: true,
    });
  } finally {
    removeEventListener("unhandledrejection", listener);
  }
});

Deno.test("the same history under the same clock gives the same events", async () => {
  const [steps] = fc.sample(fc.array(step, { minLength: 200, maxLength: 200 }), { numRuns: 1, seed: 7 });
  const strip = (scenario: Scenario) =>
    scenario.events.map((event) => JSON.stringify(event, (_, value) => value instanceof Error ? String(value) : value));
  assertEquals(strip(await play(steps, true, 128)), strip(await play(steps, true, 128)));
});

/** Plays histories with a supervisor that was changed, until one goes wrong. Returns how many went well. */
async function playUntilWrong({ mistake, changes, foundAt = 1 }: Mutant, numRuns: number): Promise<number> {
  const [{ Supervisor: Changed }] = await importChanged(mistake, changes, ["mod.ts"]);
  const property = fc.asyncProperty(...histories, async (steps, announces, limit) => {
    await play(steps, announces, limit, Changed);
  });
  const { failed, numRuns: played } = await fc.check(property, { numRuns, seed: foundAt, endOnFailure: true });
  return failed ? played - 1 : played;
}

Deno.test("the model finds nothing wrong with a supervisor that was loaded like a mutant", async () => {
  assertEquals(await playUntilWrong({ mistake: "is none", changes: [] }, 500), 500);
});

for (const mutant of mutants) {
  Deno.test(`the model finds a supervisor that ${mutant.mistake}`, async () => {
    using _unhandled = new UnhandledRejections();
    const most = 5_000;
    assert(await playUntilWrong(mutant, most) < most, "nothing is found");
  });
}
