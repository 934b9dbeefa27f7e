import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Supervisor } from "@pact/supervisor";
import { sized } from "../size.ts";
import { ErrorConsole } from "./fixtures/mod.ts";
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

Deno.test(`a supervisor keeps its invariants in ${sequences} random histories (MODEL_SEED=${seed})`, async () => {
  const unhandled: unknown[] = [];
  const listener = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  addEventListener("unhandledrejection", listener);
  const history = fc.array(step, { minLength: 1, maxLength: 25 });
  const property = fc.asyncProperty(history, fc.boolean(), fc.constantFrom(1, 128), async (steps, announces, limit) => {
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
