import { assertEquals } from "@std/assert";
import { chain, leaf, nop, parallel, Process, type Runnable, sequential, startStop } from "@pact/supervisor";

/** Says its name when it is run. */
const talker = (name: string) => leaf((_signal, { alive }) => alive(name));
const raw: Runnable = {
  async run(callback, { signal, alive }) {
    alive?.("raw");
    await callback(signal);
  },
};

const runnables: [string, Runnable, string[]][] = [
  ["a runnable", raw, ["raw"]],
  ["leaf()", talker("a"), ["a"]],
  ["startStop()", startStop((_signal, { alive }) => alive("a"), () => {}), ["a"]],
  ["chain()", chain(raw, nop, raw, talker("a")), ["raw", "raw", "a"]],
  ["parallel()", parallel(raw, raw), ["raw", "raw"]],
  ["sequential()", sequential(raw, raw), ["raw", "raw"]],
  ["combinators in each other", chain(parallel(raw, sequential(raw, chain(raw, nop))), raw), Array(4).fill("raw")],
];
for (const [title, runnable, expected] of runnables) {
  Deno.test(`Process hands alive on to ${title}`, async () => {
    const notes: unknown[] = [];
    const process = new Process(runnable, { alive: (note) => void notes.push(note) });
    await process.start();
    if (process.state !== "stopped") await process.stop();
    assertEquals(notes, expected);
  });

  Deno.test(`Process without alive runs ${title}`, async () => {
    const process = new Process(runnable);
    await process.start();
    if (process.state !== "stopped") await process.stop();
    assertEquals(await process.exited, { ok: true });
  });
}

Deno.test("leaf() gives its work an alive that is always there and does nothing without a listener", async () => {
  const work = leaf((_signal, { alive }) => alive());
  await work.run(() => {});
  await work.run(() => {}, { signal: new AbortController().signal });
});
