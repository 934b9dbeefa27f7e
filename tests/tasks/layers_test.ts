import { assertEquals, assertMatch } from "@std/assert";
import {
  clockRule,
  coreRule,
  cycleRule,
  directionRule,
  lengthRule,
  maxLines,
  outsideRule,
  type Rule,
} from "./layers.ts";

interface Violation {
  readonly title: string;
  readonly rule: Rule;
  readonly files: Readonly<Record<string, string>>;
  readonly says: RegExp;
}

const clean = {
  "mod.ts": `export { Process } from "./src/process/process.ts";\n`,
  "src/errors.ts": `export class E extends Error {}\n`,
  "src/clock.ts": `export const now = () => Date.now(); setTimeout(now, performance.now());\n`,
  "src/process/process.ts": `import { E } from "../errors.ts";\nimport { delay } from "@std/async/delay";\n`,
  "src/supervisor/supervisor.ts": `import { Process } from "../process/process.ts";\n`,
  "src/kv/mod.ts": `export { open } from "./open.ts";\n`,
  "src/kv/open.ts": `import { Buffer } from "node:buffer";\nexport const open = () => Deno.openKv();\n`,
  "src/testing/mod.ts": `import { open } from "../kv/mod.ts";\nimport { assert } from "@std/assert";\n`,
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
    title: "outsideRule() catches the library imported by its own name",
    rule: outsideRule,
    files: { "src/kv/mod.ts": `import { nop } from "@pact/supervisor";` },
    says: /imports @pact\/supervisor/,
  },
  {
    title: "cycleRule() catches a cycle of two files, even of types",
    rule: cycleRule,
    files: { "src/kv/a.ts": `import type { B } from "./b.ts";`, "src/kv/b.ts": `import { a } from "./a.ts";` },
    says: /^a cycle: src\/kv\/a\.ts -> src\/kv\/b\.ts -> src\/kv\/a\.ts$/,
  },
  {
    title: "cycleRule() catches a file that imports itself",
    rule: cycleRule,
    files: { "src/kv/a.ts": `export * from "./a.ts";` },
    says: /^a cycle: src\/kv\/a\.ts -> src\/kv\/a\.ts$/,
  },
  {
    title: "lengthRule() catches a file that is one line too long",
    rule: lengthRule,
    files: { "src/kv/long.ts": "//\n".repeat(maxLines + 1) },
    says: /^src\/kv\/long\.ts has 251 lines: at most 250/,
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
];

for (const { title, rule, files, says } of violations) {
  Deno.test(title, () => {
    const wrong = rule(new Map(Object.entries({ ...clean, ...files })));
    assertEquals(wrong.length, 1, wrong.join("\n"));
    assertMatch(wrong[0], says);
  });
}

for (const rule of new Set(violations.map((violation) => violation.rule))) {
  Deno.test(`${rule.name}() has nothing to say about clean files`, () => {
    assertEquals(rule(new Map(Object.entries(clean))), []);
  });
}

Deno.test("lengthRule() allows a file of exactly the most lines", () => {
  assertEquals(lengthRule(new Map([["src/kv/full.ts", "//\n".repeat(maxLines)]])), []);
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
