/**
 * Checks the rules of the modules: who imports whom, no cycles, short files, one file that knows the time, and a core
 * that runs anywhere.
 *
 * @module
 */

import { importsOf, namesOnly, type Sources } from "./source.ts";

/** Looks at all source files at once and says what is wrong; nothing, when nothing is. */
export type Rule = (sources: Sources) => string[];

/** The most lines that a file in src may have. */
export const maxLines = 250;

const words = ["errors", "clock", "events", "event_stream", "check"];
const core = [...words, "process", "table"];

/** What each module may import, beside itself. */
const below: Readonly<Record<string, readonly string[]>> = {
  errors: words,
  clock: words,
  events: words,
  event_stream: words,
  check: words,
  process: words,
  table: [...words, "process"],
  supervisor: core,
  kv: core,
  cluster: [...core, "kv"],
  inspect: [...core, "supervisor"],
  otel: [...core, "supervisor"],
  worker: [...words, "process"],
  testing: [...core, "kv"],
  mod: [...core, "supervisor"],
};

/** What each module may import from outside, beside `@std/async` and, out of the core, `node:`. */
const outside: Readonly<Record<string, RegExp>> = {
  otel: /^@opentelemetry\/api$/,
  testing: /^@std\/(assert|testing)(\/|$)/,
};

/** Imports go downwards only. */
export function directionRule(sources: Sources): string[] {
  const wrong: string[] = [];
  for (const [path, text] of sources) {
    const from = moduleOf(path);
    const allowed = below[from];
    if (!allowed) {
      wrong.push(`${path}: there is no module "${from}" in the design`);
      continue;
    }
    for (const target of importsOf(path, text)) {
      if (isExternal(target)) continue;
      const to = moduleOf(target);
      if (to !== from && !allowed.includes(to)) wrong.push(`${path} imports ${target}: ${from} may not import ${to}`);
    }
  }
  return wrong;
}

/** From outside comes nothing but what the design names. */
export function outsideRule(sources: Sources): string[] {
  const wrong: string[] = [];
  for (const [path, text] of sources) {
    for (const target of importsOf(path, text)) {
      if (!isExternal(target) || /^(@std\/async(\/|$)|node:)/.test(target)) continue;
      if (!outside[moduleOf(path)]?.test(target)) {
        wrong.push(`${path} imports ${target}: not a dependency of its module`);
      }
    }
  }
  return wrong;
}

/** No file reaches itself over its imports, those of types included. */
export function cycleRule(sources: Sources): string[] {
  const wrong: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path);
    if (start >= 0) wrong.push(`a cycle: ${[...trail.slice(start), path].join(" -> ")}`);
    if (start >= 0 || done.has(path)) return;
    for (const target of localImportsOf(path, sources)) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of sources.keys()) visit(path, []);
  return wrong;
}

/** A file of src is short. */
export function lengthRule(sources: Sources): string[] {
  return [...sources]
    .map(([path, text]) => ({ path, lines: text.replace(/\n$/, "").split("\n").length }))
    .filter(({ path, lines }) => path.startsWith("src/") && lines > maxLines)
    .map(({ path, lines }) => `${path} has ${lines} lines: at most ${maxLines} are allowed`);
}

/** Only the clock knows the time, so that a test can take it over in one place. */
export function clockRule(sources: Sources): string[] {
  const time =
    /\b(Date|setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|performance|AbortSignal\s*\.\s*timeout)\b/g;
  return [...sources].filter(([path]) => path !== "src/clock.ts").flatMap(([path, text]) => {
    const names = new Set([...namesOnly(text).matchAll(time)].map(([name]) => name));
    return [...names].map((name) => `${path} touches ${name}: only src/clock.ts may`);
  });
}

/** What `mod.ts` reaches runs without Node's modules and without an unstable flag. */
export function coreRule(sources: Sources): string[] {
  return reachableFrom("mod.ts", sources).flatMap((path) => {
    const text = sources.get(path) ?? "";
    const node = importsOf(path, text).filter((target) => target.startsWith("node:"));
    const kv = new Set([...namesOnly(text).matchAll(/\bDeno\s*\.\s*(?:openKv|Kv\w*)/g)].map(([name]) => name));
    return [
      ...node.map((target) => `${path} imports ${target}, and mod.ts reaches it`),
      ...[...kv].map((name) => `${path} touches ${name}, and mod.ts reaches it`),
    ];
  });
}

/** Every rule, by what it says. */
export const rules: Readonly<Record<string, Rule>> = {
  "imports go downwards": directionRule,
  "only known dependencies": outsideRule,
  "no cycles": cycleRule,
  [`at most ${maxLines} lines`]: lengthRule,
  "only src/clock.ts knows the time": clockRule,
  "the core needs neither node: nor Deno KV": coreRule,
};

function moduleOf(path: string): string {
  return /^(?:src\/)?([^/]+?)(?:\.ts)?(?:\/|$)/.exec(path)?.[1] ?? path;
}

function isExternal(target: string): boolean {
  return !/\.tsx?$/.test(target) || /^[a-z]+:/.test(target);
}

function localImportsOf(path: string, sources: Sources): string[] {
  return importsOf(path, sources.get(path) ?? "").filter((target) => sources.has(target));
}

function reachableFrom(entry: string, sources: Sources): string[] {
  const seen = new Set([entry]);
  for (const path of seen) localImportsOf(path, sources).forEach((target) => seen.add(target));
  return [...seen];
}

async function readSources(folder: string, into: Map<string, string>): Promise<Map<string, string>> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) await readSources(path, into);
    else if (name.endsWith(".ts")) into.set(path, await Deno.readTextFile(path));
  }
  return into;
}

if (import.meta.main) {
  const sources = await readSources("src", new Map([["mod.ts", await Deno.readTextFile("mod.ts")]]));
  let count = 0;
  for (const [name, rule] of Object.entries(rules)) {
    const wrong = rule(sources);
    count += wrong.length;
    console.log(`${wrong.length === 0 ? "ok    " : "FAILED"} ${name}`);
    wrong.forEach((violation) => console.error(`         ${violation}`));
  }
  console.log(`layers: ${sources.size} files, ${Object.keys(rules).length} rules, ${count} violations`);
  if (count > 0) Deno.exit(1);
}
