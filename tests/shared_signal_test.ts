import { assert } from "@std/assert";
import { chain, leaf, MapTable, nop, parallel, Process, type Runnable, sequential, startStop } from "@pact/supervisor";
import { pause, systemClock } from "../src/clock.ts";
import { EventStream } from "../src/event_stream.ts";
import { onAbort } from "../src/on_abort.ts";
import { Supervisor } from "../src/supervisor/supervisor.ts";
import { RunLock } from "../src/supervisor/run_lock.ts";
import { Waiting } from "../src/supervisor/waiting.ts";
import { ListenerCount } from "./process/listeners.ts";
import { settle } from "./supervisor/fixtures/mod.ts";

const size = 200;
const times = <T>(make: (n: number) => T): T[] => Array.from({ length: size }, (_, n) => make(n));
const quietly = (work: Promise<unknown>) => work.catch(() => {});

/** Joins the others in the one listener of ours, so that only what the library itself adds is counted. */
const untilAborted = (signal: AbortSignal) => new Promise<void>((resolve) => onAbort(signal, resolve));

/** Passes the signal on, as a runnable of one's own does. */
const held: Runnable = { run: async (running, { signal }) => void await running(signal) };
/** Comes up, or ends, only when it is aborted. */
const hanging: Runnable = { run: (_running, { signal }) => untilAborted(signal) };
const lingering: Runnable = {
  run: async (running, { signal }) => {
    running(signal);
    await untilAborted(signal);
  },
};

/** Runs many of a runnable with one signal. */
const runAll = (runnable: Runnable) => (signal: AbortSignal) =>
  Promise.all(times(() => quietly(runnable.run(untilAborted, { signal }))));

/** A supervisor of many, with one call to each when it is up. */
const callAll =
  (runnable: Runnable, call: (supervisor: Supervisor<number, Runnable>, key: number, signal: AbortSignal) => unknown) =>
  async (signal: AbortSignal) => {
    const table = new MapTable(times((n) => [n, runnable] as const));
    const supervisor = new Supervisor(table, { initialWaitMs: 0, startConcurrency: size });
    supervisor.subscribe(() => {});
    await supervisor.run(async () => {
      await settle();
      await Promise.all(times((n) => Promise.resolve(call(supervisor, n, signal)).catch(() => {})));
    });
  };

/** What many may do with one signal, until it aborts. */
const uses: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
  "nop": runAll(nop),
  "leaf()": runAll(leaf(untilAborted)),
  "startStop()": runAll(startStop(() => {}, () => {})),
  "chain()": runAll(chain(held, held)),
  "parallel()": runAll(parallel(held, held)),
  "sequential()": runAll(sequential(held, held)),
  "chain() of many": (signal) => quietly(chain(...times(() => held)).run(() => settle(), { signal })),
  "parallel() of many": (signal) => quietly(parallel(...times(() => held)).run(() => settle(), { signal })),
  "parallel() of many leaves": (signal) => {
    const leaves = times(() => leaf(untilAborted));
    return quietly(parallel(...leaves).run(() => settle(), { signal }));
  },
  "sequential() of many": (signal) => quietly(sequential(...times(() => held)).run(() => settle(), { signal })),
  "new Process()": (signal) => Promise.all(times(() => quietly(new Process(held, { signal }).start()))),
  "Process.start()": (signal) => Promise.all(times(() => quietly(new Process(hanging).start({ signal })))),
  "Process.stop()": (signal) =>
    Promise.all(times(async () => {
      const process = new Process(lingering);
      await process.start();
      await quietly(process.stop({ signal }));
    })),
  "pause()": (signal) => Promise.all(times(() => pause(systemClock, 60_000, signal))),
  "EventStream.subscribe()": (signal) => {
    const stream = new EventStream<number>();
    times(() => stream.subscribe(() => {}, { signal }));
    return settle();
  },
  "MapTable.changes()": (signal) => {
    const table = new MapTable<number, Runnable>();
    return Promise.all(times(() => table.changes({ signal })[Symbol.asyncIterator]().next()));
  },
  "Waiting.wait()": (signal) => {
    const waiting = new Waiting<void>();
    return Promise.all(times(() => quietly(waiting.wait(signal))));
  },
  "RunLock.enter()": async (signal) => {
    const lock = new RunLock();
    using _taken = await lock.enter(undefined);
    await Promise.all(times(() => quietly(lock.enter(signal))));
  },
  "Supervisor.ensure()": callAll(hanging, (supervisor, key, signal) => supervisor.ensure(key, { signal })),
  "Supervisor.restart()": callAll(hanging, (supervisor, key, signal) => supervisor.restart(key, { signal })),
  "Supervisor.reconcile()": callAll(hanging, (supervisor, _key, signal) => supervisor.reconcile({ signal })),
  "Supervisor.stop()": callAll(lingering, (supervisor, key, signal) => supervisor.stop(key, { signal })),
  "Supervisor.start()": callAll(hanging, async (supervisor, key, signal) => {
    await quietly(supervisor.stop(key));
    await supervisor.start(key, { signal });
  }),
};

for (const [title, use] of Object.entries(uses)) {
  Deno.test(`${title} adds no listener per call to a signal that many share`, async () => {
    using count = new ListenerCount();
    const controller = new AbortController();
    const all = use(controller.signal);
    await settle();
    await settle();
    controller.abort(new Error("enough"));
    await all;
    await settle();
    assert(count.most <= 1, `${count.most} listeners at a time`);
  });
}
