import { assertEquals, assertInstanceOf } from "@std/assert";
import { ProcessSilentError, systemClock, UnrecoverableError } from "@pact/supervisor";
import { settle, watch, World, type WorldOptions } from "./fixtures/mod.ts";

const livenessMs = 1_000;
const silent = 'Cannot keep process "a" running: it has not called alive for 1000 ms';

Deno.test("Supervisor fails a running process that never says that it is alive", async () => {
  await using world = new World({ a: {} }, { livenessMs });
  await world.begin();
  await world.time.pass(999);
  assertEquals(world.stateOf("a"), "running");
  await world.time.pass(1);
  assertEquals(world.take(), [
    "a starting restore 1",
    "a running 0",
    `a exited running failed ${silent} 1000`,
    "a retrying 1 1000 2000",
  ]);
});

Deno.test("Supervisor counts the silence of a process from when it last said that it is alive", async () => {
  await using world = new World({ a: {} }, { livenessMs });
  await world.begin();
  for (const pauseMs of [900, 999, 1, 500]) {
    await world.time.pass(pauseMs);
    world.bot("a").alive();
  }
  await world.time.pass(999);
  assertEquals(world.stateOf("a"), "running");
  await world.time.pass(1);
  assertEquals([world.stateOf("a"), world.journal.of("exited")[0].at], ["retrying", 3_400]);
});

Deno.test("Supervisor counts no silence of a process that is starting, however long", async () => {
  await using world = new World({ a: { hangs: true } }, { livenessMs });
  await world.begin();
  await world.time.pass(50_000);
  assertEquals(world.stateOf("a"), "starting");
  world.bot("a").up.resolve();
  await world.time.pass(999);
  assertEquals(world.stateOf("a"), "running");
  await world.time.pass(1);
  assertEquals(world.stateOf("a"), "retrying");
});

Deno.test("Supervisor counts no silence of a process that is stopping", async () => {
  await using world = new World({ a: { lingers: true } }, { livenessMs });
  await world.begin();
  await world.time.pass(500);
  const stop = watch(world.supervisor.stop("a"));
  await world.time.pass(3_000);
  const before = [stop.fate, world.stateOf("a")];
  world.bot("a").down.resolve();
  await settle();
  assertEquals([before, stop.fate], [["pending", "stopping"], "resolved"]);
});

Deno.test("Supervisor lets a process be silent for ever by default", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  await world.time.pass(100_000_000);
  assertEquals([world.stateOf("a"), world.bot("a").runs], ["running", 1]);
});

Deno.test("Supervisor aborts what is silent at once, and calls it stuck when it ignores that", async () => {
  await using world = new World({ a: { deaf: true, lingers: true } }, { livenessMs });
  await world.begin();
  await world.time.pass(1_000);
  const { signal } = world.bot("a");
  assertInstanceOf(signal?.reason, ProcessSilentError);
  assertEquals([world.stateOf("a"), world.supervisor.snapshot().counts], ["stopping", { stopping: 1 }]);
  await world.time.pass(4_000);
  assertEquals(world.stateOf("a"), "stuck");
  world.bot("a").down.resolve();
  await settle();
  assertEquals(world.take().slice(-3), [
    "a unstuck 5000",
    `a exited running failed ${silent} 5000`,
    "a retrying 1 1000 6000",
  ]);
});

Deno.test("Supervisor backs silence off and parks it as any failure", async () => {
  await using world = new World({ a: {} }, { livenessMs, restart: { limit: 3 } });
  await world.begin();
  await world.time.pass(60_000);
  const told = world.journal.of("retrying").map(({ failures, delayMs }) => [failures, delayMs]);
  assertEquals([told, world.stateOf("a")], [[[1, 1_000], [2, 2_000]], "parked"]);
});

Deno.test("Supervisor asks restart.decide about silence", async () => {
  const asked: unknown[] = [];
  const decide = ({ error, phase }: { error: unknown; phase: string }) => {
    asked.push([(error as Error).name, phase]);
    return "park" as const;
  };
  await using world = new World({ a: {} }, { livenessMs, restart: { decide } });
  await world.begin();
  await world.time.pass(1_000);
  assertEquals([asked, world.stateOf("a")], [[["ProcessSilentError", "running"]], "parked"]);
});

Deno.test("Supervisor tells of silence although the clean-up fails, and prints what that fails with", async () => {
  await using world = new World({ a: { deaf: true, stopError: new UnrecoverableError("socket closed") } }, {
    livenessMs,
  });
  await world.begin();
  await world.time.pass(1_000);
  assertInstanceOf(world.journal.of("exited")[0].error, ProcessSilentError);
  assertEquals(world.stateOf("a"), "retrying");
});

Deno.test("Supervisor does nothing about a process that says that it is alive after its end", async () => {
  await using world = new World({ a: {} }, { livenessMs });
  await world.begin();
  const { alive } = world.bot("a");
  await world.supervisor.stop("a");
  alive("still here");
  assertEquals(world.supervisor.status("a"), undefined);
  await world.supervisor.start("a");
  await world.time.pass(500);
  alive("an earlier life");
  assertEquals(world.supervisor.status("a")?.note, undefined);
  await world.time.pass(500);
  assertEquals(world.stateOf("a"), "retrying");
});

Deno.test("Supervisor says in the error what a process said last", async () => {
  await using world = new World({ a: {} }, { livenessMs });
  await world.begin();
  world.bot("a").alive("page 7");
  await world.time.pass(1_000);
  const { error } = world.journal.of("exited")[0];
  assertEquals([(error as ProcessSilentError).note, (error as Error).message], [
    "page 7",
    `${silent}, and its last note was "page 7"`,
  ]);
});

const long = "n".repeat(300);
const notes: [string, unknown, string | undefined][] = [
  ["nothing", undefined, undefined],
  ["a text", "page 7", "page 7"],
  ["no text", "", ""],
  ["two lines", "page\n7", "page\\n7"],
  ["200 characters", long.slice(0, 200), long.slice(0, 200)],
  ["too many characters", long, `${long.slice(0, 199)}…`],
  ["too many when they are escaped", "\n".repeat(200), `${"\\n".repeat(99)}…`],
  ["half a pair at the cut", `${"n".repeat(198)}😀😀`, `${"n".repeat(198)}…`],
  ["a number", 5, "5"],
  ["an object", {}, "[object Object]"],
  ["null", null, "null"],
];
for (const [title, note, expected] of notes) {
  Deno.test(`Supervisor.status() shows the note of a process that is ${title}`, async () => {
    await using world = new World({ a: {} });
    await world.begin();
    world.bot("a").alive(note as string);
    assertEquals(world.supervisor.status("a")?.note, expected);
    assertEquals((expected ?? "").length <= 200, true);
  });
}

Deno.test("Supervisor keeps the note of a process that says that it is alive without one", async () => {
  await using world = new World({ a: {} }, { livenessMs });
  await world.begin();
  world.bot("a").alive("page 7");
  world.bot("a").alive();
  assertEquals(world.snapshot.processes.map(({ note }) => note), ["page 7"]);
});

/** A world whose event loop can be blocked: time passes and no timer fires, until all that are due fire late. */
function blockable(options: WorldOptions) {
  let blockedMs = 0;
  const clock = {
    ...systemClock,
    now: () => systemClock.now() + blockedMs,
    monotonic: () => systemClock.monotonic() + blockedMs,
  };
  const world = new World({ a: {} }, { clock, ...options });
  return { world, block: (ms: number) => void (blockedMs += ms) };
}

const stalls: [string, number, number][] = [
  ["early", 100, 60_000],
  ["when its silence is nearly over", 990, 60_000],
  ["for a moment longer than a stall", 500, 600],
  ["for a night", 500, 8 * 3_600_000],
];
for (const [title, afterMs, stallMs] of stalls) {
  Deno.test(`Supervisor does not take a stall of the event loop for silence: ${title}`, async () => {
    const { world: all, block } = blockable({ livenessMs });
    await using world = all;
    await world.begin();
    await world.time.pass(afterMs);
    block(stallMs);
    await world.time.pass(livenessMs - afterMs - 1);
    assertEquals([world.stateOf("a"), world.bot("a").runs], ["running", 1]);
    await world.time.pass(500 + 1); // up to a tick before the stall, and up to one after it, are not counted
    assertEquals(world.stateOf("a"), "retrying");
  });
}

Deno.test("Supervisor does not take a stall for silence that a process has ended by a word at once", async () => {
  const { world: all, block } = blockable({ livenessMs });
  await using world = all;
  await world.begin();
  await world.time.pass(500);
  block(60_000);
  world.bot("a").alive();
  await world.time.pass(999);
  assertEquals(world.stateOf("a"), "running");
  await world.time.pass(1);
  assertEquals(world.stateOf("a"), "retrying");
});

Deno.test("Supervisor has one deadline and one tick pending for all that may not be silent, and none for those that may", async () => {
  const pending: number[] = [];
  for (const options of [{}, { livenessMs }]) {
    await using world = new World(
      Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, {}])),
      options,
    );
    await world.begin();
    await world.time.pass(500);
    pending.push(world.time.timers);
  }
  assertEquals(pending[1] - pending[0], 1); // the limit of a start-up has left a timer before
});

Deno.test("Supervisor takes several words of a quarter of a second as said at its end", async () => {
  await using world = new World({ a: {} }, { livenessMs });
  await world.begin();
  await world.time.pass(510);
  for (const pauseMs of [0, 100, 130]) {
    await world.time.pass(pauseMs);
    world.bot("a").alive();
  }
  await world.time.pass(livenessMs - 1);
  assertEquals([world.stateOf("a"), world.time.now], ["running", 1_739]);
  await world.time.pass(21);
  assertEquals(world.stateOf("a"), "retrying");
});
