/**
 * Measures the library beside the floor of JavaScript and beside its peers, and prints one Markdown table.
 *
 * Ratios are what counts: they are taken round by round, between programs that ran one after the other on the same machine,
 * and their median is held against the target. Their least and greatest show how noisy the machine was. A missed target
 * is said and fails nothing.
 *
 * Usage: `deno task bench [--quick] [--only <regular expression>] [--rounds <number>] [--out <file>]`
 *
 * @module
 */

import { parseFlags } from "./flags.ts";
import { figuresInMemory } from "./figures.ts";
import { figuresOfKv } from "./figures_kv.ts";
import type { Group } from "./group.ts";
import { judge, renderTable, type Verdict } from "./report.ts";
import { type Probe, runRounds } from "./rounds.ts";
import { NotInstalledError } from "./subjects/subject.ts";

const flags = parseFlags(Deno.args, ["quick"], ["only", "rounds", "out"]);
const isFull = !flags.has("quick");
const rounds = Number(flags.get("rounds") ?? (isFull ? 5 : 2));
const only = new RegExp(flags.get("only") ?? "", "i");
const scale = { isFull, divisor: isFull ? 1 : 10 };

const verdicts: Verdict[] = [];
const notes = new Set<string>();
let hasFailed = false;

for (const group of [...figuresInMemory(scale), ...figuresOfKv(scale)]) await measure(group);
console.log(report());
if (hasFailed) Deno.exit(1);

async function measure({ title, figures }: Group): Promise<void> {
  const wanted = figures.filter(({ name }) => only.test(name) || only.test(title));
  if (wanted.length === 0) return;
  const beganAt = performance.now();
  const probes = wanted.flatMap(({ ours, other }) => other ? [ours.probe, other.probe] : [ours.probe]);
  const { found, missing } = await runRounds([...new Set<Probe>(probes)], rounds, isFull ? Infinity : 1);
  for (const error of missing.values()) {
    notes.add(`Not measured: ${error.message}.`);
    hasFailed ||= !(error instanceof NotInstalledError);
  }
  verdicts.push(...wanted.map((figure) => judge(figure, found)).filter((verdict) => verdict !== undefined));
  console.error(`${title}: ${((performance.now() - beganAt) / 1_000).toFixed(1)} s`);
  if (flags.has("out")) await Deno.writeTextFile(flags.get("out")!, report());
}

function report(): string {
  const machine = `${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`;
  return [renderTable(verdicts), "", `${machine}; ${rounds} rounds.`, ...notes, ""].join("\n");
}
