import { assertEquals, assertThrows } from "@std/assert";
import { guessWatchSees, type WatchSees } from "../../src/kv/watch_sees.ts";
import { checkOptions, type KvTableOptions } from "../../src/kv/options.ts";
import { nop } from "../../src/process/compose.ts";
import type { Runnable } from "../../src/process/runnable.ts";

const variable = "DENO_DEPLOYMENT_ID";

/** Sets the variable of Deno Deploy for a while. */
function deployedAs(id: string | undefined): Disposable {
  const before = Deno.env.get(variable);
  const set = (value: string | undefined) =>
    value === undefined ? Deno.env.delete(variable) : Deno.env.set(variable, value);
  set(id);
  return { [Symbol.dispose]: () => set(before) };
}

const guesses: [path: string | undefined, deployment: string | undefined, sees: WatchSees][] = [
  [undefined, undefined, "this process"],
  [undefined, "", "this process"],
  [undefined, "abc", "everybody"],
  ["https://api.deno.com/databases/1/connect", undefined, "everybody"],
  ["http://127.0.0.1:4512", undefined, "everybody"],
  ["HTTPS://kv.example", "abc", "everybody"],
  ["kv.sqlite", undefined, "this process"],
  ["kv.sqlite", "abc", "this process"],
  [":memory:", "abc", "this process"],
  ["https.sqlite", undefined, "this process"],
];

for (const [path, deployment, sees] of guesses) {
  const where = deployment === undefined ? "" : ` under ${variable}=${deployment}`;
  Deno.test(`guessWatchSees() says ${sees} for the path ${path}${where}`, () => {
    using _deployment = deployedAs(deployment);
    assertEquals(guessWatchSees(path), sees);
  });
}

Deno.test({
  name: "guessWatchSees() says this process where the environment may not be read, and does not ask",
  permissions: { env: false },
  fn: () => assertEquals(guessWatchSees(undefined), "this process"),
});

function settingsOf(given: Record<string, unknown>) {
  const options: KvTableOptions<string, unknown, Runnable> = { prefix: ["bots"], create: () => nop };
  return checkOptions({ ...options, ...given });
}

const settings: [given: Record<string, unknown>, sees: WatchSees, pollMs: number][] = [
  [{}, "this process", 200],
  [{ path: "https://kv.example" }, "everybody", 30_000],
  [{ path: "https://kv.example", watchSees: "this process" }, "this process", 200],
  [{ path: "kv.sqlite", watchSees: "everybody" }, "everybody", 30_000],
  [{ watchSees: "everybody", pollMs: 5 }, "everybody", 5],
];

for (const [given, watchSees, pollMs] of settings) {
  Deno.test(`checkOptions() makes ${watchSees} and polls every ${pollMs} ms of ${Deno.inspect(given)}`, () => {
    using _deployment = deployedAs(undefined);
    const settings = settingsOf(given);
    assertEquals([settings.watchSees, settings.pollMs], [watchSees, pollMs]);
  });
}

for (const [name, given] of [["watchSees", "all"], ["watchSees", 1], ["path", 1], ["path", null]] as const) {
  Deno.test(`checkOptions() throws TypeError at ${name} ${given}`, () => {
    assertThrows(() => settingsOf({ [name]: given }), TypeError, `Cannot use the option ${name}: it must be`);
  });
}
