import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Violation } from "./cluster/simulation/checks.ts";
import { library } from "./cluster/simulation/library.ts";
import { load, mutants } from "./cluster/simulation/mutants.ts";
import { simulateSeeds } from "./cluster/simulation/seeds.ts";
import { simulate } from "./cluster/simulation/simulate.ts";
import { sized } from "./size.ts";

const steps = 200;
/** More of them, and others: `deno task simulate --seeds 2000 --from 1`. */
const count = sized({ short: 100, full: 1_000 });
const realCount = sized({ short: 4, full: 50 });

Deno.test(`Cluster keeps its promises in ${count} simulated histories of ${steps} steps`, async () => {
  const { violations, ...counts } = await simulateSeeds({ from: 1, count, steps });
  console.log(`simulated: ${JSON.stringify(counts)}`);
  assertEquals(violations, []);
  assertEquals(counts.histories, count);
  // Histories in which nothing happens would prove nothing.
  const { claimed, fenced, dead, written, abandoned } = counts;
  assert(claimed > 10 * count && fenced > count && dead > count && written > 100 * count && abandoned > count);
});

Deno.test(`Cluster keeps its promises in ${realCount} simulated histories over a real database in memory`, async () => {
  for (let seed = 1; seed <= realCount; seed++) {
    using kv = await Deno.openKv(":memory:");
    await simulate({ library, seed, steps, kv });
  }
});

Deno.test("simulate() makes the same history from the same seed", async () => {
  const first = await simulate({ library, seed: 3, steps });
  assertEquals(await simulate({ library, seed: 3, steps }), first);
});

for (const mutant of mutants) {
  Deno.test(`simulate() finds a cluster that ${mutant.mistake}`, async () => {
    const mutated = await load(mutant);
    const error = await assertRejects(async () => {
      for (let seed = mutant.foundAt ?? 1; seed <= 500; seed++) {
        await simulate({ library: mutated, seed, steps, atLeast: mutant.atLeast });
      }
    }, Violation);
    const seed = Number(/^Seed (\d+) /.exec((error as Violation).message)?.[1]);
    // What it was found by can be looked at again.
    const again = await assertRejects(
      () => simulate({ library: mutated, seed, steps, atLeast: mutant.atLeast }),
      Violation,
    );
    assertEquals((again as Violation).message, (error as Violation).message);
    assertMatch((again as Violation).message, /after\n/);
  });
}
