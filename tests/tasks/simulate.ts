/**
 * Simulates the cluster for as many seeds as one likes: `--seeds <n>`, `--from <seed>`, `--steps <n>`.
 *
 * @module
 */

import { simulateSeeds } from "../cluster/simulation/seeds.ts";

const steps = argument("--steps", 200);
const from = argument("--from", 1);
const seeds = argument("--seeds", 10_000);
const atOnce = 500;

for (let seed = from; seed < from + seeds; seed += atOnce) {
  const count = Math.min(atOnce, from + seeds - seed);
  const { violations, ...counts } = await simulateSeeds({ from: seed, count, steps });
  console.log(`seeds ${seed} to ${seed + count - 1}: ${JSON.stringify(counts)}`);
  for (const violation of violations) console.error(violation);
  if (violations.length > 0) Deno.exit(1);
}

function argument(name: string, fallback: number): number {
  const index = Deno.args.indexOf(name);
  if (index < 0) return fallback;
  const value = Number(Deno.args[index + 1]);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(`Cannot use ${name}: it takes a whole number above 0, current value is ${Deno.args[index + 1]}`);
  Deno.exit(2);
}
