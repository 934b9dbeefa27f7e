/**
 * Measures the library beside the floor of JavaScript and beside its peers, and prints one Markdown table.
 *
 * Ratios are what counts: they are taken round by round, between programs that ran one after the other on the same machine,
 * and their median is held against the target. Their least and greatest show how noisy the machine was. A missed target
 * is said and fails nothing.
 *
 * With `--against` the library is measured beside another checkout of itself instead, for example one of the last release.
 *
 * Usage: `deno task bench [--quick] [--only <regular expression>] [--rounds <number>] [--out <file>] [--against <folder>]`
 *
 * @module
 */

import { parseFlags } from "./flags.ts";
import { figuresInMemory } from "./figures.ts";
import { figuresOfKv } from "./figures_kv.ts";
import type { Group } from "./group.ts";
import { type Figure, judge, renderTable, type Verdict } from "./report.ts";
import { type Probe, runRounds } from "./rounds.ts";
import { NotInstalledError } from "./subjects/subject.ts";

const flags = parseFlags(Deno.args, ["quick"], ["only", "rounds", "out", "against"]);
const isFull = !flags.has("quick");
const rounds = Number(flags.get("rounds") ?? (isFull ? 5 : 2));
const only = new RegExp(flags.get("only") ?? "", "i");
const scale = { isFull, divisor: isFull ? 1 : 10 };

const verdicts: Verdict[] = [];
const notes = new Set<string>();
let hasFailed = false;

const groups = [...figuresInMemory(scale), ...figuresOfKv(scale)];
const checkout = flags.get("against");
for (const group of checkout === undefined ? groups : await against(await Deno.realPath(checkout), groups)) {
  await measure(group);
}
console.log(report());
if (hasFailed) Deno.exit(1);

/** The figures of the library, each once, beside those of another checkout, as far as that has them. */
async function against(checkout: string, groups: readonly Group[]): Promise<Group[]> {
  const measured = await Deno.readTextFile(`${checkout}/tests/bench/child.ts`);
  const seen = new Set<string>();
  const twins = new Map<Probe, Probe>();
  const twinOf = (probe: Probe) => {
    const twin = twins.get(probe) ?? { ...probe, checkout };
    twins.set(probe, twin);
    return twin;
  };
  const isNew = ({ ours: { probe, measure } }: Figure) => {
    const id = JSON.stringify([probe, measure]);
    return !seen.has(id) && seen.add(id);
  };
  return groups.map(({ title, figures }) => ({
    title,
    figures: figures.filter(isNew).filter(({ ours }) => measured.includes(`${ours.probe.subject}:`)).map(
      ({ name, size, ours }) => {
        const other = { ...ours, probe: twinOf(ours.probe) };
        return { name, size, ours, other, otherName: "before", by: "ratio", atMost: 1.05 };
      },
    ),
  }));
}

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
