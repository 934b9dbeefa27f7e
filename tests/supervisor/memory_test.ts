import { assert, assertEquals } from "@std/assert";
import { MapTable, type Runnable, Supervisor, type Table } from "@pact/supervisor";
import { turn } from "../../src/clock.ts";
import { collectGarbage, heapBytes } from "../garbage.ts";

const held: Runnable = { run: async (running, { signal }) => void await running(signal) };
/** Never comes up; ends when it is aborted. */
const hanging: Runnable = {
  run: (_running, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
};
/** Never ends before the gate opens. */
const deaf = (gate: Promise<void>): Runnable => ({
  run: async (running, { signal }) => {
    await running(signal);
    await gate;
  },
});

/** Two tables in one. Only the changes of the first are announced. */
function bothOf(first: MapTable<string, Runnable>, silent: MapTable<string, Runnable>): Table<string, Runnable> {
  return {
    get: async (key, options) => await silent.get(key, options) ?? await first.get(key, options),
    async *[Symbol.asyncIterator]() {
      yield* silent;
      yield* first;
    },
    changes: (options) => first.changes(options),
  };
}

/** By how much the heap grows with 10 000 keys that come and go, after a pass has set something going. */
async function growthBeside(
  set: (silent: MapTable<string, Runnable>, supervisor: Supervisor<string, Runnable>) => unknown,
) {
  const table = new MapTable(Array.from({ length: 500 }, (_, i): [string, Runnable] => [`k${i}`, held]));
  const silent = new MapTable<string, Runnable>();
  const supervisor = new Supervisor(bothOf(table, silent), {
    initialWaitMs: 10,
    stopTimeoutMs: 5,
    intervalMs: 3_600_000,
  });
  using _listening = supervisor.subscribe(() => {});
  let grown = 0;
  await supervisor.run(async () => {
    await supervisor.reconcile();
    await set(silent, supervisor);
    await collectGarbage();
    const before = heapBytes();
    for (let i = 500; i < 10_500; i++) {
      table.delete(`k${i - 500}`);
      table.set(`k${i}`, held);
      if (i % 64 === 0) await turn();
    }
    for (let i = 0; i < 20; i++) await turn();
    await supervisor.reconcile();
    await collectGarbage();
    grown = heapBytes() - before;
  });
  return grown;
}

Deno.test("Supervisor keeps nothing of keys that come and go beside a start that hangs or a stop that sticks", async () => {
  const gate = Promise.withResolvers<void>();
  await growthBeside(() => {}); // warm
  const control = await growthBeside(() => {});
  const besideStart = await growthBeside(async (silent, supervisor) => {
    silent.set("hanging", hanging);
    await supervisor.reconcile(); // finds it, and waits for it
  });
  const besideStop = await growthBeside(async (silent, supervisor) => {
    silent.set("deaf", deaf(gate.promise));
    await supervisor.reconcile();
    silent.delete("deaf");
    await supervisor.reconcile(); // stops it, and waits for it
  });
  gate.resolve();
  const bytesEach = [besideStart, besideStop].map((grown) => Math.round((grown - control) / 10_000));
  assert(bytesEach.every((bytes) => bytes < 100), `${bytesEach} bytes are kept of each key`);
});

Deno.test("Supervisor lets go of what a thrown value refers to, also while the key is parked", async () => {
  const bodies: WeakRef<Uint8Array>[] = [];
  const failing = (times: number) => (): Runnable => ({
    run: async (running, { signal }) => {
      if (bodies.length < times) {
        const body = new Uint8Array(100_000); // what a failed request answered
        bodies.push(new WeakRef(body));
        throw Object.assign(new Error("502", { cause: body }), { body });
      }
      await running(signal);
    },
  });
  const supervisor = new Supervisor(new MapTable([["recovers", failing(2)], ["parks", failing(Infinity)]]), {
    restart: { minDelayMs: 0, limit: 5 },
  });
  using _listening = supervisor.subscribe(() => {});
  await supervisor.run(async () => {
    while (supervisor.status("parks")?.state !== "parked") await turn();
    await collectGarbage();
    assertEquals(supervisor.status("parks")?.lastError?.message, "502");
    assertEquals(bodies.filter((body) => body.deref() !== undefined).length, 0);
  });
});
