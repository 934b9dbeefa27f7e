import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  chain,
  leaf,
  nop,
  parallel,
  type RunCallback,
  type Runnable,
  type RunOptions,
  sequential,
  type StandaloneRunnable,
  startStop,
} from "@pact/supervisor";
import { untilAborted } from "./signals.ts";

/** A runnable of one's own, which may count on its options. */
class Own implements Runnable {
  readonly title = "own";

  async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
    signal.throwIfAborted();
    await running(signal);
  }
}

const standalone: Record<string, StandaloneRunnable> = {
  "nop": nop,
  "leaf()": leaf(untilAborted),
  "startStop()": startStop((signal) => signal.throwIfAborted(), (signal) => signal.throwIfAborted()),
  "chain()": chain(new Own(), new Own()),
  "parallel()": parallel(new Own(), new Own()),
  "sequential()": sequential(new Own(), new Own()),
  "chain() of a list": chain(...[new Own(), new Own()]),
  "chain() of none": chain(),
};
for (const [title, runnable] of Object.entries(standalone)) {
  for (const options of [undefined, {}]) {
    Deno.test(`${title} runs with ${options ? "empty" : "no"} options, and gives a signal that has not aborted`, async () => {
      let given: AbortSignal | undefined;
      await runnable.run((signal) => {
        given = signal;
        assertEquals(signal.aborted, false);
      }, options);
      assertEquals(given instanceof AbortSignal, true);
    });
  }
}

for (const compose of [chain, parallel, sequential]) {
  Deno.test(`${compose.name}() of one has the type of that one`, () => {
    const own = new Own();
    const composed: Own = compose(own);
    assertStrictEquals(composed.title, own.title);
  });
}

Deno.test("a StandaloneRunnable is a Runnable", () => {
  const runnable: Runnable = nop;
  assertStrictEquals(runnable, nop);
});
