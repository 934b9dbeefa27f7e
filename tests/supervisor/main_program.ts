/**
 * Programs that end in different ways, for `main_os_test.ts`; the first argument says which.
 *
 * @module
 */

import { chain, leaf, main, MapTable, nop, type Runnable, startStop, Supervisor } from "@pact/supervisor";
import { Cluster } from "@pact/supervisor/cluster";
import { KvTable } from "@pact/supervisor/kv";
import { FaultyKv, hang } from "@pact/supervisor/testing";
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

/** Is starting until its signal aborts. */
const starting = startStop((signal) => delay(60_000, { signal }), () => {});

/** Says that the start-up is under way once that has had some time. */
const soon = startStop(() => void delay(300).then(() => console.log("starting")), () => console.log("down"));

const hanging = new FaultyKv(await Deno.openKv(":memory:"), { decide: hang });

/** A supervisor that waits for its first processes for a minute. */
function restoring(process: Runnable): Runnable {
  return new Supervisor(new MapTable([["a", process], ["b", nop]]), { initialWaitMs: 60_000 });
}

function hangingTable(): KvTable<string, null, Runnable> {
  return new KvTable(hanging, { prefix: ["bots"], create: () => nop });
}

function server(): void {
  Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("hello"));
}

function refuseSignals(makeError: (signal: string) => Error, refused: readonly Deno.Signal[]): void {
  const add = Deno.addSignalListener;
  Deno.addSignalListener = (signal, handler) => {
    if (refused.includes(signal)) throw makeError(signal);
    add(signal, handler);
  };
}

const untilAborted = leaf((signal) => delay(60_000, { signal }));

const programs: Readonly<Record<string, () => Runnable>> = {
  "is clean": () => chain(new Supervisor(new MapTable([["a", untilAborted], ["b", nop]])), up),
  "is clean, no SIGTERM": () => {
    refuseSignals(() => new TypeError("Windows only supports ctrl-c (SIGINT)"), ["SIGTERM"]);
    return up;
  },
  "may not listen to SIGTERM": () => {
    refuseSignals((signal) => new Deno.errors.NotCapable(`no ${signal}`), ["SIGTERM"]);
    return up;
  },
  "may not listen to signals": () => {
    refuseSignals(() => new Deno.errors.NotCapable("line 1\nline 2"), ["SIGINT", "SIGTERM"]);
    return leaf(() => delay(10));
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
  "opens": () => chain(soon, starting, up),
  "opens a database that hangs": () => chain(soon, startStop(() => hanging.get(["a"]), () => {}), up),
  "joins": () => chain(soon, new Cluster(hanging, { allowLocal: true }), up),
  "restores": () => chain(soon, restoring(starting), up),
  "restores from a table that hangs": () => chain(soon, new Supervisor(hangingTable(), { initialWaitMs: 60_000 }), up),
  "joins and restores": () => {
    const cluster = new Cluster(hanging, { allowLocal: true });
    return chain(soon, cluster, new Supervisor(cluster.own(hangingTable())), up);
  },
  "cannot clean up its start": () =>
    chain(startStop(() => {}, () => Promise.reject(new Error("disk full"))), soon, starting),
  "has a deaf process while it restores": () => chain(soon, restoring(leaf(deaf)), starting),
  "leaves a server": () => {
    server();
    return up;
  },
  "leaves a server and fails to stop": () => {
    server();
    return chain(up, startStop(() => {}, () => Promise.reject(new Error("disk full"))));
  },
  "leaves work for a moment": () =>
    chain(up, startStop(() => {}, () => void delay(300).then(() => console.log("done")))),
  "leaves a stuck process": () =>
    chain(new Supervisor(new MapTable([["deaf", leaf(deaf)]]), { stopTimeoutMs: 100 }), up),
};

const [name, stopTimeoutMs] = Deno.args;
await main(programs[name](), stopTimeoutMs ? { stopTimeoutMs: Number(stopTimeoutMs) } : {});
console.log("main has returned");
