/**
 * Programs that end in different ways, for `main_os_test.ts`; the first argument says which.
 *
 * @module
 */

import { chain, leaf, main, MapTable, nop, type Runnable, startStop, Supervisor } from "@pact/supervisor";
import { delay } from "@std/async/delay";

/** Keeps the event loop busy and hears nothing. */
function deaf(): Promise<never> {
  setInterval(() => {}, 1_000);
  return new Promise(() => {});
}

/** Prints that everything inside is up, and goes down with it. */
const up = startStop(() => console.log("up"), () => console.log("down"));

/** Prints that it is asked to stop, and then that it is forced to. */
function stopping(stop: (signal: AbortSignal) => Promise<void>): Runnable {
  return startStop(() => {}, (signal) => {
    console.log("stopping");
    signal.addEventListener("abort", () => console.log("forced"));
    return stop(signal);
  });
}

const untilAborted = leaf((signal) => delay(60_000, { signal }));

const programs: Readonly<Record<string, () => Runnable>> = {
  "is clean": () => chain(new Supervisor(new MapTable([["a", untilAborted], ["b", nop]])), up),
  "is clean, no SIGTERM": () => {
    const add = Deno.addSignalListener;
    Deno.addSignalListener = (signal, handler) => {
      if (signal === "SIGTERM") throw new TypeError("Windows only supports ctrl-c (SIGINT)");
      add(signal, handler);
    };
    return up;
  },
  "ends by itself": () => leaf(() => delay(10)),
  "fails to start": () => startStop(() => Promise.reject(new Error("no database")), () => {}),
  "never comes up": () => ({ run: () => Promise.resolve() }),
  "fails while running": () => leaf(() => delay(10).then(() => Promise.reject(new Error("out of memory")))),
  "is slow to stop": () => chain(up, stopping((signal) => delay(300, { signal }))),
  "fails to stop": () => chain(up, startStop(() => {}, () => Promise.reject(new Error("disk full")))),
  "stops when forced": () => chain(up, stopping((signal) => delay(60_000, { signal }))),
  "fails with the reason of the force": () => ({
    async run(running, { signal }) {
      await up.run(running, { signal });
      console.log("stopping");
      await delay(60_000, { signal });
    },
  }),
  "ignores everything": () => chain(up, stopping(deaf)),
  "has a deaf process": () => chain(new Supervisor(new MapTable([["deaf", leaf(deaf)]])), up),
  "leaves a stuck process": () =>
    chain(new Supervisor(new MapTable([["deaf", leaf(deaf)]]), { stopTimeoutMs: 100 }), up),
};

const [name, stopTimeoutMs] = Deno.args;
await main(programs[name](), stopTimeoutMs ? { stopTimeoutMs: Number(stopTimeoutMs) } : {});
console.log("main has returned");
