import { assert } from "@std/assert";
import { MapTable, type Runnable, Supervisor, type Table } from "@pact/supervisor";
import { EventStream } from "../src/event_stream.ts";
import { onAbort } from "../src/on_abort.ts";
import { RunLock } from "../src/supervisor/run_lock.ts";
import { Waiting } from "../src/supervisor/waiting.ts";
import { heapBytes } from "./garbage.ts";

/** Waits, and gives up before what it waits for comes. */
type GiveUp = (reason: Error) => Promise<unknown>;

async function givenUp(wait: (signal: AbortSignal) => Promise<unknown>, reason: Error): Promise<void> {
  const patience = new AbortController();
  const waiting = wait(patience.signal).catch(() => {});
  patience.abort(reason);
  await waiting;
}

const hanging: Runnable = {
  run: (_running, { signal }) => new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
};

/** What can be given up, each beside something that lives on. */
const waits: Record<string, (measure: (giveUp: GiveUp) => Promise<void>) => Promise<void>> = {
  "Waiting.wait()": async (measure) => {
    const waiting = new Waiting<void>();
    await measure((reason) => givenUp((signal) => waiting.wait(signal), reason));
  },
  "RunLock.enter()": async (measure) => {
    const lock = new RunLock();
    using _taken = await lock.enter(undefined);
    await measure((reason) => givenUp((signal) => lock.enter(signal), reason));
  },
  "Supervisor.run()": async (measure) => {
    const supervisor = new Supervisor(new MapTable<string, Runnable>(), { initialWaitMs: 0 });
    await supervisor.run(() => measure((reason) => givenUp((signal) => supervisor.run(() => {}, { signal }), reason)));
  },
  "Supervisor.ensure()": async (measure) => {
    const supervisor = new Supervisor(new MapTable([["a", hanging]]), { initialWaitMs: 0 });
    supervisor.subscribe(() => {});
    await supervisor.run(() => measure((reason) => givenUp((signal) => supervisor.ensure("a", { signal }), reason)));
  },
  "Supervisor.reconcile()": async (measure) => {
    const held = Promise.withResolvers<void>();
    let isHeld = false;
    const table: Table<string, Runnable> = {
      get: () => Promise.resolve(undefined),
      async *[Symbol.asyncIterator]() {
        if (isHeld) await held.promise;
        yield* [];
      },
    };
    const supervisor = new Supervisor(table, { initialWaitMs: 0 });
    await supervisor.run(async () => {
      isHeld = true;
      const pass = supervisor.reconcile();
      await measure((reason) => givenUp((signal) => supervisor.reconcile({ signal }), reason));
      held.resolve();
      await pass;
    });
  },
  "EventStream.subscribe()": async (measure) => {
    const stream = new EventStream<number>(), { signal } = new AbortController();
    await measure(() => Promise.resolve(stream.subscribe(() => {}, { signal })[Symbol.dispose]()));
  },
  "onAbort()": async (measure) => {
    const { signal } = new AbortController();
    await measure(() => Promise.resolve(onAbort(signal, () => {})[Symbol.dispose]()));
  },
};

for (const [title, prepare] of Object.entries(waits)) {
  Deno.test(`${title} leaves nothing behind when it is given up`, async () => {
    const reason = new Error("not for longer");
    await prepare(async (giveUp) => {
      for (let i = 0; i < 2_000; i++) await giveUp(reason);
      const before = heapBytes();
      for (let i = 0; i < 20_000; i++) await giveUp(reason);
      const bytesEach = (heapBytes() - before) / 20_000;
      assert(bytesEach < 50, `${Math.round(bytesEach)} bytes are kept for each`);
    });
  });
}
