import { assertMatch, assertRejects } from "@std/assert";
import { sized } from "../size.ts";
import { Violation } from "./simulation/checks.ts";
import { library } from "./simulation/library.ts";
import { simulateMismatch } from "./simulation/mismatch.ts";
import { load, type Mutant } from "./simulation/mutants.ts";

const count = sized({ short: 50, full: 2_000 });

Deno.test(`Cluster keeps instances that cannot work with each other apart in ${count} simulated histories`, async () => {
  for (let seed = 1; seed <= count; seed++) await simulateMismatch(library, seed);
});

const mutants: readonly Mutant[] = [
  {
    mistake: "stays although another was there before it",
    changes: [{ file: "ownership.ts", from: "sessions.get(id)!.first < first", to: "first === id" }],
  },
  {
    mistake: "does not tell which was its first record",
    changes: [{
      file: "heartbeat.ts",
      from: "...first, ",
      to: "",
    }],
  },
  {
    mistake: "does not look for others before it joins",
    changes: [{ file: "admission.ts", from: "if (!first) return true;", to: "return true;" }],
  },
];
for (const mutant of mutants) {
  Deno.test(`simulateMismatch() finds a cluster that ${mutant.mistake}`, async () => {
    const mutated = await load(mutant);
    const { message } = await assertRejects(async () => {
      for (let seed = 1; seed <= 500; seed++) await simulateMismatch(mutated, seed);
    }, Violation);
    assertMatch(message, /^Seed \d+: /);
  });
}
