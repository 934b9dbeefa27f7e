/**
 * Checks the rules of the house: who imports whom, no cycles, short files and ways, one story in one place, one file that
 * knows the time, a core that runs anywhere, and imports that stay small.
 *
 * @module
 */

import { codeLinesOf, importsOf, namesOnly, type Sources, valueImportsOf } from "./source.ts";

/** Looks at all source files at once and says what is wrong; nothing, when nothing is. */
export type Rule = (sources: Sources) => string[];

/** The most lines of code that a file in src may have. */
export const maxLines = 250;

/** The most lines of code that a function in src may have. */
export const maxFunctionLines = 45;

/** How a call goes through the files. */
export interface Way {
  /** The most files that it may take, each counted once. */
  readonly most: number;
  /** The files in the order of the calls. Of two neighbours one imports the other: an answer comes back over a call. */
  readonly files: readonly string[];
}

/** The ways that the module doc of the supervisor draws, by what goes there. */
const ways: Readonly<Record<string, Way>> = {
  "start(key) to run": {
    most: 7,
    files: [
      "src/supervisor/supervisor.ts",
      "src/supervisor/registry.ts",
      "src/supervisor/keeper.ts",
      "src/supervisor/lookups.ts",
      "src/supervisor/keeper.ts",
      "src/supervisor/attempt.ts",
      "src/process/life.ts",
    ],
  },
  "it is up": {
    most: 7,
    files: [
      "src/process/life.ts",
      "src/supervisor/attempt.ts",
      "src/supervisor/keeper.ts",
      "src/supervisor/callers.ts",
      "src/supervisor/keeper.ts",
      "src/supervisor/supervisor.ts",
    ],
  },
  "table.set to run": {
    most: 9,
    files: [
      "src/table/map_table.ts",
      "src/table/change_stream.ts",
      "src/table/map_table.ts",
      "src/table/table.ts",
      "src/supervisor/run.ts",
      "src/supervisor/lookups.ts",
      "src/supervisor/keeper.ts",
      "src/supervisor/start_queue.ts",
      "src/supervisor/keeper.ts",
      "src/supervisor/attempt.ts",
      "src/process/life.ts",
    ],
  },
};

/** The most bytes that an import brings along. */
export interface SizeBounds {
  /** Of the code that `mod.ts` reaches: neither comments nor indentation count, so that docs may grow. */
  readonly core: number;
  /** Of each of these folders, all counted. */
  readonly folders: Readonly<Record<string, number>>;
}

const sizeBounds: SizeBounds = { core: 184_000, folders: { "src/inspect": 92_000, "src/otel": 12_000 } };

const words = [
  "one_line",
  "errors",
  "error_data",
  "on_abort",
  "clock",
  "events",
  "event_stream",
  "check",
  "restart",
  "pause",
];
const core = [...words, "process", "table"];

/** What each module may import besides itself. */
const below: Readonly<Record<string, readonly string[]>> = {
  one_line: words,
  errors: words,
  error_data: words,
  on_abort: words,
  clock: words,
  events: words,
  event_stream: words,
  check: words,
  restart: words,
  pause: words,
  process: words,
  table: [...words, "process"],
  supervisor: core,
  kv: core,
  cluster: [...core, "kv"],
  telemetry: [...core, "kv", "cluster", "supervisor"],
  inspect: [...core, "kv", "cluster", "supervisor", "telemetry"],
  otel: [...core, "kv", "cluster", "supervisor", "telemetry"],
  testing: core,
  mod: [...core, "supervisor"],
};

/** Every module of the table above has a file. */
export function modulesRule(sources: Sources): string[] {
  const modules = new Set([...sources.keys()].map(moduleOf));
  return Object.keys(below).filter((name) => !modules.has(name)).map((name) => `the module "${name}" has no file`);
}

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

/** From outside comes nothing but what the design names, and that of OpenTelemetry only where it is named. */
export function outsideRule(sources: Sources): string[] {
  const known = /^(@std\/(async|crypto|encoding)(\/|$)|node:)/;
  return [...sources].flatMap(([path, text]) =>
    importsOf(path, text)
      .filter((target) => isExternal(target) && !known.test(target))
      .filter((target) => target !== "@opentelemetry/api" || moduleOf(path) !== "otel")
      .map((target) => `${path} imports ${target}: not a dependency of the library`)
  );
}

/** No file reaches itself over its imports of values, and no folder over any import: types may go both ways inside one. */
export function cycleRule(sources: Sources): string[] {
  const folders = Map.groupBy(sources.keys(), folderOf);
  const foldersBelow = (folder: string) => {
    const targets = folders.get(folder)?.flatMap((path) => localImportsOf(path, sources)) ?? [];
    return targets.map(folderOf).filter((target) => target !== folder);
  };
  const valuesOf = (path: string) => valueImportsOf(path, sources.get(path) ?? "").filter((to) => sources.has(to));
  return [
    ...cyclesIn(sources.keys(), valuesOf).map((cycle) => `a cycle: ${cycle}`),
    ...cyclesIn(folders.keys(), foldersBelow).map((cycle) => `a cycle of folders: ${cycle}`),
  ];
}

/** A file of src is short, docs not counted. */
export function lengthRule(sources: Sources): string[] {
  return [...sources]
    .map(([path, text]) => ({ path, lines: codeLinesOf(text).length }))
    .filter(({ path, lines }) => path.startsWith("src/") && lines > maxLines)
    .map(({ path, lines }) => `${path} has ${lines} lines of code: at most ${maxLines} are allowed`);
}

/** A function of src is short, docs not counted. */
export function functionRule(sources: Sources): string[] {
  return [...sources].filter(([path]) => path.startsWith("src/")).flatMap(([path, text]) =>
    functionsOf(text)
      .filter(({ lines }) => lines > maxFunctionLines)
      .map(({ name, lines }) => `${path}: ${name} has ${lines} lines of code: at most ${maxFunctionLines} are allowed`)
  );
}

/** No interface stands for one class only, so that it could be handed on piece by piece. */
export function hostRule(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) =>
    [...namesOnly(text).matchAll(/\binterface\s+(\w*Host)\b/g)]
      .map(([, name]) => `${path} declares ${name}: hand the thing itself on, not an interface of it`)
  );
}

/** No class of ours is there for one subclass only: the two are one. */
export function subclassRule(sources: Sources): string[] {
  const code = [...sources.values()].map(namesOnly).join("\n");
  const classes = new Set([...code.matchAll(/\bclass\s+(\w+)/g)].map(([, name]) => name));
  const parameters = String.raw`<(?:[^<>]|<[^<>]*>)*>`;
  const extending = new RegExp(String.raw`\bclass\s+(\w+)\s*(?:${parameters})?\s*\bextends\s+(\w+)`, "g");
  const subclasses = Map.groupBy(code.matchAll(extending), ([, , parent]) => parent);
  return [...subclasses]
    .filter(([parent, { length }]) => classes.has(parent) && length === 1)
    .map(([parent, [[, only]]]) => `${parent} has only one subclass, ${only}: make one class of them`);
}

/**
 * Makes the rule that ways are short and as they are drawn.
 *
 * @param ways The ways by what goes there.
 * @returns The rule: every file exists, one of two neighbours imports the other, and the module doc of the supervisor names all.
 */
export function waysRule(ways: Readonly<Record<string, Way>>): Rule {
  return function waysRule(sources) {
    const doc = /\/\*\*[\s\S]*?@module[\s\S]*?\*\//.exec(sources.get(drawing) ?? "")?.[0] ?? "";
    const isDrawn = (path: string) => new RegExp(`(?<!\\w)${RegExp.escape(baseOf(path))}`).test(doc);
    return Object.entries(ways).flatMap(([way, { most, files }]) => {
      const count = new Set(files).size;
      const missing = files.filter((path) => !sources.has(path));
      const steps = files.slice(1).map((to, index) => ({ from: files[index], to }));
      const broken = steps.filter(({ from, to }) =>
        sources.has(from) && sources.has(to) && !imports(from, to, sources) && !imports(to, from, sources)
      );
      return [
        ...count > most ? [`takes ${count} files: at most ${most} are allowed`] : [],
        ...missing.map((path) => `goes through ${path}, which does not exist`),
        ...broken.map(({ from, to }) => `goes from ${from} to ${to}, neither of which imports the other`),
        ...files.filter((path) => !isDrawn(path)).map((path) => `goes through ${path}, which ${drawing} does not name`),
      ].map((text) => `the way of ${way} ${text}`);
    });
  };
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

/**
 * Makes the rule that an import stays small.
 *
 * @param bounds The most bytes.
 * @returns The rule: neither what `mod.ts` reaches nor a folder that has a bound is larger.
 */
export function sizeRule({ core, folders }: SizeBounds): Rule {
  return function sizeRule(sources) {
    const codeOf = (path: string) => codeLinesOf(sources.get(path) ?? "").map((line) => line.trim()).join("\n");
    const sizes = Object.entries(folders).map(([folder, most]) => {
      const texts = [...sources].filter(([path]) => path.startsWith(`${folder}/`)).map(([, text]) => text);
      return { name: folder, what: "source", most, bytes: bytesOf(texts) };
    });
    const reached = bytesOf(reachableFrom("mod.ts", sources).map(codeOf));
    return [{ name: "what mod.ts reaches", what: "code", most: core, bytes: reached }, ...sizes]
      .filter(({ bytes, most }) => bytes > most)
      .map(({ name, what, bytes, most }) => `${name} has ${bytes} bytes of ${what}: at most ${most} are allowed`);
  };
}

/** Every rule, by what it says. */
export const rules: Readonly<Record<string, Rule>> = {
  "every module exists": modulesRule,
  "imports go downwards": directionRule,
  "only known dependencies": outsideRule,
  "no cycles": cycleRule,
  [`a file has at most ${maxLines} lines of code`]: lengthRule,
  [`a function has at most ${maxFunctionLines} lines of code`]: functionRule,
  "no interface is named *Host": hostRule,
  "no class has just one subclass": subclassRule,
  "ways are short and drawn": waysRule(ways),
  "only src/clock.ts knows the time": clockRule,
  "the core needs neither node: nor Deno KV": coreRule,
  "an import stays small": sizeRule(sizeBounds),
};

function imports(from: string, to: string, sources: Sources): boolean {
  return localImportsOf(from, sources).includes(to);
}

/** The file whose module doc draws the ways. */
const drawing = "src/supervisor/supervisor.ts";

function moduleOf(path: string): string {
  return /^(?:src\/)?([^/]+?)(?:\.ts)?(?:\/|$)/.exec(path)?.[1] ?? path;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0)) || ".";
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function cyclesIn(nodes: Iterable<string>, next: (node: string) => readonly string[]): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (node: string, trail: readonly string[]) => {
    const start = trail.indexOf(node);
    if (start >= 0) cycles.push([...trail.slice(start), node].join(" -> "));
    if (start >= 0 || done.has(node)) return;
    for (const target of new Set(next(node))) visit(target, [...trail, node]);
    done.add(node);
  };
  for (const node of nodes) visit(node, []);
  return cycles;
}

/**
 * Finds functions of a file and methods of its classes, as the formatter indents them: each ends at the first line that is
 * indented like its beginning and closes something. A call looks like a method, but is never longer than its function.
 */
function functionsOf(text: string): { name: string; lines: number }[] {
  const lines = codeLinesOf(text);
  const beginning = /^(?:(?:export |default |async )*function\*? (\w+)| {2}(?:\w+ )*\*?([#\w[][\w.\]]*)(?:<.*>)?\()/;
  return lines.flatMap((line, start) => {
    const [found, ofFile, ofClass] = beginning.exec(line) ?? [];
    if (found === undefined) return [];
    const ending = ofFile === undefined ? /^ {2}(?:\S.*)?[;}],?$/ : /^(?:\S.*)?[;}]$/;
    const length = lines.slice(start).findIndex((each) => ending.test(each)) + 1;
    return [{ name: ofFile ?? ofClass, lines: length }];
  });
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + new TextEncoder().encode(text).length, 0);
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
