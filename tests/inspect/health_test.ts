import { assert, assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { advance } from "../../src/testing/mod.ts";
import { type Entry, leaf, MapTable, nop, type Runnable, Supervisor, systemClock } from "@pact/supervisor";
import { delay } from "@std/async/delay";
import { Face, statusOf } from "./fixtures.ts";

async function healthOf(face: Face): Promise<[number, string, string | undefined]> {
  const answer = await face.get("/health"), { status, checks } = await answer.json();
  assertEquals(answer.headers.get("content-type"), "application/health+json");
  return [answer.status, status, Object.values(checks as Record<string, { output?: string }[]>).flat()[0].output];
}

/** A table that fails as long as it is told to. */
class Flaky {
  isBroken = false;

  get(key: string): Promise<Entry<string, Runnable> | undefined> {
    return Promise.resolve({ key, get: () => nop });
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Entry<string, Runnable>> {
    if (this.isBroken) throw new Error("out of reach");
    yield { key: "acme", get: () => nop };
  }
}

Deno.test("livez answers without looking at anything, readyz after the first pass and not after the end", async () => {
  const table = new Flaky(), supervisor = new Supervisor(table), face = new Face({ supervisor, table });
  assertEquals([await statusOf(face.get("/livez")), await statusOf(face.get("/readyz"))], [200, 503]);
  await supervisor.run(async () => assertEquals(await statusOf(face.get("/x/readyz")), 200));
  assertEquals([await statusOf(face.get("/livez")), await statusOf(face.get("/readyz"))], [200, 503]);
});

Deno.test("readyz is 503 as long as the table could not be read", async () => {
  using time = new FakeTime();
  const table = new Flaky(), supervisor = new Supervisor(table), face = new Face({ supervisor, table });
  supervisor.subscribe(() => {});
  table.isBroken = true;
  await supervisor.run(async () => {
    assertEquals(await statusOf(face.get("/readyz")), 503);
    table.isBroken = false;
    await advance(time, 2_000);
    assertEquals(await statusOf(face.get("/readyz")), 200);
  });
});

Deno.test("health passes with running, paused and resting processes", async () => {
  const table = new MapTable<string, Runnable>([["acme", nop], ["calm", nop], ["done", leaf(() => {})]]);
  table.pause("calm");
  const supervisor = new Supervisor(table, { restart: { on: "failure" } }), face = new Face({ supervisor, table });
  await supervisor.run(async () => {
    await supervisor.reconcile();
    assertEquals(await healthOf(face), [200, "pass", undefined]);
  });
});

Deno.test("health warns of what is retrying and parked", async () => {
  const failing = leaf(() => Promise.reject(new Error("broken")));
  for (const [limit, told] of [[1, "1 parked"], [5, "1 retrying"]] as const) {
    const table = new MapTable<string, Runnable>([["bad", failing]]);
    const supervisor = new Supervisor(table, { restart: { limit } }), face = new Face({ supervisor, table });
    supervisor.subscribe(() => {});
    await supervisor.run(async () => assertEquals(await healthOf(face), [200, "warn", told]));
  }
});

Deno.test("health warns of a process that has not come up within the grace", async () => {
  using time = new FakeTime();
  const slow: Runnable = {
    run: async (callback, { signal }) => {
      await delay(90_000, { signal });
      await callback(signal);
    },
  };
  const table = new MapTable<string, Runnable>([["slow", slow]]);
  const supervisor = new Supervisor(table, { startTimeoutMs: 100_000 }), face = new Face({ supervisor, table });
  supervisor.subscribe(() => {});
  const over = Promise.withResolvers<void>(), run = supervisor.run(() => over.promise);
  await advance(time, 60_000);
  assertEquals(await healthOf(face), [200, "pass", undefined]);
  await advance(time, 1_000);
  assertEquals(await healthOf(face), [200, "warn", "1 not running for more than 60000 ms"]);
  over.resolve();
  await advance(time, 10_000);
  await run;
});

Deno.test("health fails when the table has been out of reach for a minute, and passes after the next pass", async () => {
  using time = new FakeTime();
  const table = new Flaky(), supervisor = new Supervisor(table), face = new Face({ supervisor, table });
  supervisor.subscribe(() => {});
  await supervisor.run(async () => {
    await advance(time, 1);
    table.isBroken = true;
    await supervisor.reconcile();
    await advance(time, 59_000);
    assertEquals(await statusOf(face.get("/health")), 200);
    await advance(time, 2_000);
    assertEquals(await statusOf(face.get("/health")), 503);
    table.isBroken = false;
    await advance(time, 70_000);
    assertEquals(await statusOf(face.get("/health")), 200);
  });
});

Deno.test("health passes after the next pass also when the clock of the machine was set back meanwhile", async () => {
  using time = new FakeTime();
  let backMs = 0;
  const clock = { ...systemClock, now: () => systemClock.now() - backMs };
  const table = new Flaky(),
    supervisor = new Supervisor(table, { clock }),
    face = new Face({ supervisor, table, clock });
  supervisor.subscribe(() => {});
  await supervisor.run(async () => {
    await advance(time, 1_000);
    table.isBroken = true;
    await supervisor.reconcile();
    table.isBroken = false;
    backMs = 3_600_000;
    await supervisor.reconcile();
    await advance(time, 61_000);
    assertEquals(await healthOf(face), [200, "pass", undefined]);
    assertEquals(await statusOf(face.get("/health")), 200);
  });
});

Deno.test("metrics name each state each time, count restarts by outcome, and never name a key", async () => {
  using time = new FakeTime();
  let failures = 3;
  const flaky = leaf(async (signal) => {
    await delay(10, { signal });
    if (failures-- > 0) throw new Error("broken");
    await delay(1_000_000, { signal });
  });
  const table = new MapTable<string, Runnable>([["secret-tenant", nop], ["flaky", flaky]]);
  const supervisor = new Supervisor(table, { restart: { minDelayMs: 10 } }), face = new Face({ supervisor, table });
  supervisor.subscribe(() => {});
  await supervisor.run(async () => {
    await advance(time, 10_000);
    table.set("secret-tenant", nop);
    await advance(time, 10_000);
    const answer = await face.get("/metrics"), lines = (await answer.text()).split("\n");
    assertEquals(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    const expected = [
      'supervisor_process_count{state="running"} 2',
      'supervisor_process_count{state="parked"} 0',
      "supervisor_process_desired 2",
      'supervisor_process_restarts_total{outcome="failed"} 3',
      'supervisor_process_restarts_total{outcome="stopped"} 1',
      'supervisor_process_start_duration_seconds_bucket{le="+Inf"} 6',
      "supervisor_process_start_duration_seconds_count 6",
    ];
    for (const line of expected) assert(lines.includes(line), `${line} is not in ${lines.join("\n")}`);
    const form = /^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"\\]*"\})? [-+.\de]+)?$/;
    assertEquals(lines.filter((line) => !form.test(line)), []);
    assert(!lines.some((line) => line.includes("secret-tenant")));
  });
});
