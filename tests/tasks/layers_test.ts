import { assertEquals, assertMatch } from "@std/assert";
import {
  clockRule,
  coreRule,
  cycleRule,
  directionRule,
  functionRule,
  hostRule,
  lengthRule,
  maxFunctionLines,
  maxLines,
  modulesRule,
  outsideRule,
  type Rule,
  sizeRule,
  subclassRule,
  waysRule,
} from "./layers.ts";

interface Violation {
  readonly title: string;
  readonly rule: Rule;
  readonly files: Readonly<Record<string, string>>;
  readonly says: RegExp;
}

/** A way that clean files take. */
const way = { most: 2, files: ["src/supervisor/supervisor.ts", "src/process/process.ts"] };
const shortWay = waysRule({ "start(key)": way });
const longWay = waysRule({ "start(key)": { ...way, most: 1 } });
const small = sizeRule({ core: 500, folders: { "src/inspect": 200 } });
const drawn = "/**\n * ```text\n * supervisor.ts -> process.ts\n * ```\n *\n * @module\n */\n";

const clean = {
  "mod.ts": `export { Process } from "./src/process/process.ts";\n`,
  "src/one_line.ts": "",
  "src/errors.ts": `export class E extends Error {}\n`,
  "src/error_data.ts": "",
  "src/on_abort.ts": "",
  "src/clock.ts": `export const now = () => Date.now(); setTimeout(now, performance.now());\n`,
  "src/check.ts": `import { E } from "./errors.ts";\n`,
  "src/restart.ts": "",
  "src/pause.ts": "",
  "src/events.ts": "",
  "src/event_stream.ts": "",
  "src/process/process.ts": `import { E } from "../errors.ts";\nimport { delay } from "@std/async/delay";\n`,
  "src/table/table.ts": "",
  "src/supervisor/supervisor.ts": `${drawn}import { Process } from "../process/process.ts";\n`,
  "src/cluster/mod.ts": `import { open } from "../kv/mod.ts";\n`,
  "src/kv/mod.ts": `export { open } from "./open.ts";\n`,
  "src/kv/open.ts": `import { Buffer } from "node:buffer";\nexport const open = () => Deno.openKv();\n`,
  "src/inspect/mod.ts":
    `import { Cluster } from "../cluster/mod.ts";\nimport { encode } from "@std/encoding/base64url";\n`,
  "src/telemetry/figures.ts": "",
  "src/otel/mod.ts": `import { trace } from "@opentelemetry/api";\n`,
  "src/testing/mod.ts": `import { Process } from "../process/process.ts";\n`,
};

const violations: readonly Violation[] = [
  {
    title: "directionRule() catches a word that imports from above",
    rule: directionRule,
    files: { "src/errors.ts": `import type { P } from "./process/process.ts";` },
    says: /^src\/errors\.ts imports src\/process\/process\.ts: errors may not import process$/,
  },
  {
    title: "directionRule() catches a table that imports the supervisor",
    rule: directionRule,
    files: { "src/table/table.ts": `import { S } from "../supervisor/supervisor.ts";` },
    says: /table may not import supervisor/,
  },
  {
    title: "directionRule() catches a supervisor that imports kv, dynamically and in single quotes",
    rule: directionRule,
    files: { "src/supervisor/main.ts": `await import('../kv/mod.ts');` },
    says: /supervisor may not import kv/,
  },
  {
    title: "directionRule() catches a supervisor that imports the cluster",
    rule: directionRule,
    files: { "src/supervisor/main.ts": `export * from "../cluster/cluster.ts";` },
    says: /supervisor may not import cluster/,
  },
  {
    title: "directionRule() catches a front door that leads to kv",
    rule: directionRule,
    files: { "mod.ts": `export { KvTable } from "./src/kv/mod.ts";` },
    says: /mod may not import kv/,
  },
  {
    title: "directionRule() catches a module that imports the front door",
    rule: directionRule,
    files: { "src/kv/mod.ts": `import "../../mod.ts";` },
    says: /kv may not import mod/,
  },
  {
    title: "directionRule() catches a module that imports a test",
    rule: directionRule,
    files: { "src/kv/mod.ts": `import "../../tests/kv/helper.ts";` },
    says: /kv may not import tests/,
  },
  {
    title: "directionRule() catches a module that the design does not know",
    rule: directionRule,
    files: { "src/utils/list.ts": "" },
    says: /no module "utils"/,
  },
  {
    title: "directionRule() catches a test double that imports kv",
    rule: directionRule,
    files: { "src/testing/mod.ts": `import { open } from "../kv/mod.ts";` },
    says: /testing may not import kv/,
  },
  {
    title: "outsideRule() catches a dependency that the design does not name",
    rule: outsideRule,
    files: { "src/process/process.ts": `import { of } from "npm:rxjs";` },
    says: /^src\/process\/process\.ts imports npm:rxjs/,
  },
  {
    title: "outsideRule() catches a test library in the library",
    rule: outsideRule,
    files: { "src/kv/mod.ts": `import { assert } from "@std/assert";` },
    says: /imports @std\/assert/,
  },
  {
    title: "outsideRule() catches OpenTelemetry outside of otel",
    rule: outsideRule,
    files: { "src/supervisor/main.ts": `import { trace } from "@opentelemetry/api";` },
    says: /imports @opentelemetry\/api/,
  },
  {
    title: "outsideRule() catches the library imported by its own name",
    rule: outsideRule,
    files: { "src/kv/mod.ts": `import { nop } from "@pact/supervisor";` },
    says: /imports @pact\/supervisor/,
  },
  {
    title: "cycleRule() catches a cycle of two files",
    rule: cycleRule,
    files: { "src/kv/a.ts": `import { type B, b } from "./b.ts";`, "src/kv/b.ts": `import { a } from "./a.ts";` },
    says: /^a cycle: src\/kv\/a\.ts -> src\/kv\/b\.ts -> src\/kv\/a\.ts$/,
  },
  {
    title: "cycleRule() catches a file that imports itself",
    rule: cycleRule,
    files: { "src/kv/a.ts": `export * from "./a.ts";` },
    says: /^a cycle: src\/kv\/a\.ts -> src\/kv\/a\.ts$/,
  },
  {
    title: "cycleRule() catches a cycle of types between folders",
    rule: cycleRule,
    files: { "src/errors.ts": `import type { P } from "./process/process.ts";` },
    says: /^a cycle of folders: src\/process -> src -> src\/process$/,
  },
  {
    title: "lengthRule() catches a file that is one line of code too long",
    rule: lengthRule,
    files: { "src/kv/long.ts": "a();\n".repeat(maxLines + 1) },
    says: /^src\/kv\/long\.ts has 251 lines of code: at most 250/,
  },
  {
    title: "functionRule() catches a function that is one line of code too long",
    rule: functionRule,
    files: { "src/kv/long.ts": `export async function long(\n  a: A,\n): B {\n${"  a();\n".repeat(42)}}\n` },
    says: /^src\/kv\/long\.ts: long has 46 lines of code: at most 45/,
  },
  {
    title: "functionRule() catches a method that is one line of code too long",
    rule: functionRule,
    files: { "src/kv/long.ts": `class A {\n  async #long<T>(a: T) {\n${"    a();\n".repeat(44)}  }\n}\n` },
    says: /^src\/kv\/long\.ts: #long has 46 lines of code: at most 45/,
  },
  {
    title: "functionRule() catches a method of an object that is one line of code too long",
    rule: functionRule,
    files: { "src/kv/long.ts": `const a = {\n  long() {\n${"    a();\n".repeat(44)}  },\n};\n` },
    says: /^src\/kv\/long\.ts: long has 46 lines of code: at most 45/,
  },
  {
    title: "hostRule() catches an interface that is called a host",
    rule: hostRule,
    files: { "src/kv/host.ts": "export interface FeedHost<K> {}" },
    says: /^src\/kv\/host\.ts declares FeedHost:/,
  },
  {
    title: "subclassRule() catches a class with just one subclass, in another file",
    rule: subclassRule,
    files: {
      "src/kv/feed.ts": "export abstract class Feed<K> {}",
      "src/kv/log_feed.ts": "export class LogFeed<K, P extends Runnable<K>> extends Feed<K> {}",
    },
    says: /^Feed has only one subclass, LogFeed:/,
  },
  {
    title: "waysRule() catches a way that is too long",
    rule: longWay,
    files: {},
    says: /^the way of start\(key\) takes 2 files: at most 1/,
  },
  {
    title: "waysRule() catches a file that does not import the next one",
    rule: shortWay,
    files: { "src/supervisor/supervisor.ts": drawn },
    says: /^the way of start\(key\) goes from src\/supervisor\/supervisor\.ts to src\/process\/process\.ts, neither of/,
  },
  {
    title: "waysRule() catches a file that the supervisor's module doc does not name",
    rule: shortWay,
    files: {
      "src/supervisor/supervisor.ts": `${drawn.replace("process", "a_process")}import "../process/process.ts";`,
    },
    says:
      /^the way of start\(key\) goes through src\/process\/process\.ts, which src\/supervisor\/supervisor\.ts does not name/,
  },
  ...["Date", "setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "performance"].map((
    name,
  ) => ({
    title: `clockRule() catches ${name} outside of the clock`,
    rule: clockRule,
    files: { "src/kv/late.ts": `const late = () => globalThis.${name}();` },
    says: new RegExp(`^src/kv/late\\.ts touches ${name}:`),
  })),
  {
    title: "clockRule() catches AbortSignal.timeout",
    rule: clockRule,
    files: { "src/kv/late.ts": "const signal = AbortSignal.timeout(1);" },
    says: /touches AbortSignal\.timeout/,
  },
  {
    title: "clockRule() catches a moment inside a template",
    rule: clockRule,
    files: { "src/kv/late.ts": "const at = `now ${Date.now()}`;" },
    says: /touches Date/,
  },
  {
    title: "coreRule() catches a node: import that mod.ts reaches over another file",
    rule: coreRule,
    files: { "src/errors.ts": `import { inspect } from "node:util";` },
    says: /^src\/errors\.ts imports node:util, and mod\.ts reaches it$/,
  },
  {
    title: "coreRule() catches Deno.openKv that mod.ts reaches",
    rule: coreRule,
    files: { "src/process/process.ts": "export const kv = await Deno.openKv();" },
    says: /touches Deno\.openKv/,
  },
  {
    title: "coreRule() catches a type of Deno KV that mod.ts reaches",
    rule: coreRule,
    files: { "src/process/process.ts": "export let kv: Deno.Kv;" },
    says: /touches Deno\.Kv/,
  },
  {
    title: "sizeRule() catches a core that has grown over another file, counted in bytes",
    rule: small,
    files: { "src/errors.ts": `const e = "${"\u00e9".repeat(250)}"` },
    says: /^what mod\.ts reaches has \d{3} bytes of code: at most 500 are allowed$/,
  },
  {
    title: "sizeRule() catches a folder that has grown",
    rule: small,
    files: { "src/inspect/page.ts": "a".repeat(200) },
    says: /^src\/inspect has \d{3} bytes of source: at most 200 are allowed$/,
  },
];

for (const { title, rule, files, says } of violations) {
  Deno.test(title, () => {
    const wrong = rule(new Map(Object.entries({ ...clean, ...files })));
    assertEquals(wrong.length, 1, wrong.join("\n"));
    assertMatch(wrong[0], says);
  });
}

for (const rule of new Set([modulesRule, ...violations.map((violation) => violation.rule)])) {
  if (rule === longWay) continue;
  Deno.test(`${rule.name}() has nothing to say about clean files`, () => {
    assertEquals(rule(new Map(Object.entries(clean))), []);
  });
}

Deno.test("modulesRule() catches a module without a file", () => {
  const { "src/check.ts": _gone, ...files } = clean;
  assertEquals(modulesRule(new Map(Object.entries(files))), ['the module "check" has no file']);
});

Deno.test("waysRule() catches a file that does not exist", () => {
  const { "src/process/process.ts": _gone, ...files } = clean;
  const wrong = shortWay(new Map(Object.entries(files)));
  assertEquals(wrong, ["the way of start(key) goes through src/process/process.ts, which does not exist"]);
});

Deno.test("cycleRule() allows types to go both ways inside a folder", () => {
  const files = { "src/kv/a.ts": `import type { B } from "./b.ts";`, "src/kv/b.ts": `import { a } from "./a.ts";` };
  assertEquals(cycleRule(new Map(Object.entries(files))), []);
});

Deno.test("cycleRule() catches a cycle that an exported type stands before", () => {
  const files = {
    "src/kv/a.ts": `export type A = 1;\nimport { b } from "./b.ts";`,
    "src/kv/b.ts": `export type B = "b";\nexport * from "./a.ts";`,
  };
  assertEquals(cycleRule(new Map(Object.entries(files))), ["a cycle: src/kv/a.ts -> src/kv/b.ts -> src/kv/a.ts"]);
});

Deno.test("lengthRule() allows a file of exactly the most lines, neither docs nor blank lines counted", () => {
  const text = "/**\n * A call.\n */\n\na(); // why\n// why\n".repeat(maxLines);
  assertEquals(lengthRule(new Map([["src/kv/full.ts", text]])), []);
});

Deno.test("functionRule() allows a function of exactly the most lines, docs not counted", () => {
  const text = `function full() {\n${"  // why\n  a();\n".repeat(maxFunctionLines - 2)}}\n`;
  assertEquals(functionRule(new Map([["src/kv/full.ts", text.repeat(2)]])), []);
});

Deno.test("functionRule() ends a method without a body, and one in a single line, where they end", () => {
  const text = `class A {\n  one(): void {}\n  abstract two(): void;\n${"  #a = 1;\n".repeat(maxFunctionLines)}}\n`;
  assertEquals(functionRule(new Map([["src/kv/a.ts", text]])), []);
});

Deno.test("subclassRule() allows two subclasses, and one of a class that is not ours", () => {
  const two = "class A {}\nclass B extends A {}\nclass C<T extends A> extends A {}\nclass D extends Error {}";
  assertEquals(subclassRule(new Map([["src/kv/a.ts", two]])), []);
});

Deno.test("directionRule() ignores an import in a comment", () => {
  const text = `/**\n * import { kv } from "../kv/mod.ts";\n */\n// import "../kv/mod.ts";\n`;
  assertEquals(directionRule(new Map([["src/supervisor/main.ts", text]])), []);
});

Deno.test("clockRule() ignores a comment and a string", () => {
  const text = "// Date\nconst s = 'Date', t = `performance ${s}`; /* setTimeout */";
  assertEquals(clockRule(new Map([["src/kv/late.ts", text]])), []);
});

Deno.test("coreRule() allows kv what mod.ts does not reach", () => {
  assertEquals(coreRule(new Map(Object.entries(clean))), []);
});

Deno.test("sizeRule() counts neither comments nor indentation of the core", () => {
  const files = { ...clean, "src/errors.ts": `/** ${"a".repeat(500)} */\n${" ".repeat(500)}a();\n` };
  assertEquals(small(new Map(Object.entries(files))), []);
});
