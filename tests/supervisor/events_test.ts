import { assert, assertEquals } from "@std/assert";
import { ErrorConsole, type Event, fieldsOf, settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");

/** Makes everything happen that there is an event for. */
async function eventfulWorld(): Promise<World> {
  const world = new World({
    fails: { startError: oops },
    unbuilt: { build: () => Promise.reject(oops) },
    stuck: { deaf: true, lingers: true },
    removed: {},
    replaced: {},
    paused: {},
  }, { restart: { limit: 2 } });
  await world.begin();
  await world.time.pass(1_000);
  world.table.delete("removed");
  world.table.set("replaced");
  world.table.set("fails");
  world.table.pause("paused", { at: 0 });
  await settle();
  world.table.pause("paused");
  world.table.streams[0].fail(oops);
  const stop = watch(world.supervisor.stop("stuck"));
  await world.time.pass(8_000);
  assertEquals(stop.fate, "ProcessStuckError");
  world.bot("stuck").down.resolve();
  await settle();
  const abandoned = world.bot("stuck");
  watch(world.supervisor.stop("stuck"));
  await world.time.pass(8_000);
  world.supervisor.abandon("stuck");
  abandoned.crash(oops);
  await settle();
  world.live.overlaps.length = 0;
  return world;
}

for (const type of Object.keys(fieldsOf) as Event["type"][]) {
  Deno.test(`Supervisor announces ${type} with just the fields of the design`, async () => {
    await using world = await eventfulWorld();
    const events = world.journal.of(type);
    assert(events.length > 0, `no event of type ${type}`);
    const key = type === "table-failed" || type === "reconciled" ? [] : ["key"];
    for (const event of events) {
      const isFailure = !("outcome" in event) || event.outcome === "failed";
      const isAbsent = (field: string) =>
        (field === "error" && !isFailure) || (type === "retrying" && field === "cause");
      const fields = fieldsOf[type].filter((field) => !isAbsent(field));
      for (const field of ["isForced", "stopMs"]) if (field in event) fields.push(field);
      assertEquals(Object.keys(event).sort(), ["type", "at", ...key, ...fields].sort());
    }
  });
}

Deno.test("Supervisor says in every event when it happened", async () => {
  await using world = new World({ a: {} });
  await world.begin();
  await world.time.pass(70);
  world.bot("a").crash();
  await world.time.pass(1_000);
  const kept = world.journal.events.filter(({ type }) => type !== "reconciled").map(({ type, at }) => `${at} ${type}`);
  assertEquals(kept, ["0 starting", "0 running", "70 exited", "70 retrying", "1070 starting", "1070 running"]);
});

Deno.test("Supervisor announces starting right before the runnable is built", async () => {
  let before: string[] = [];
  await using world = new World();
  world.table.set("a", { build: () => settle().then(() => before = world.take()) });
  await world.begin();
  await settle();
  assertEquals(before, ["a starting restore 1"]);
});

Deno.test("Supervisor announces how long a start-up took", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  await world.time.pass(250);
  world.bot("a").up.resolve();
  await settle();
  assertEquals(world.take().at(-1), "a running 250");
});

Deno.test("Supervisor announces how long a process was running, its start-up not included", async () => {
  await using world = new World({ a: { hangs: true, lingers: true } });
  await world.begin();
  await world.time.pass(250);
  world.bot("a").up.resolve();
  await world.time.pass(40);
  watch(world.supervisor.stop("a"));
  await world.time.pass(2);
  world.bot("a").down.resolve();
  await settle();
  assertEquals(world.take().at(-1), "a exited running stopped 42");
});

const exits: [string, object, (world: World) => unknown, string][] = [
  ["a failed start", { startError: oops }, () => {}, "a exited starting failed oops 0"],
  [
    "a start that returned",
    { hangs: true },
    (world) => world.bot("a").leave(),
    "a exited starting failed Cannot start",
  ],
  ["a start that was stopped", { hangs: true }, (world) => world.supervisor.stop("a"), "a exited starting stopped 0"],
  ["a crash", {}, (world) => world.bot("a").crash(oops), "a exited running failed oops 0"],
  ["a return", {}, (world) => world.bot("a").leave(), "a exited running returned 0"],
  ["a stop", {}, (world) => world.supervisor.stop("a"), "a exited running stopped 0"],
  [
    "a failed stop",
    { stopError: oops },
    (world) => watch(world.supervisor.stop("a")),
    "a exited running failed oops 0",
  ],
];
for (const [title, manners, act, said] of exits) {
  Deno.test(`Supervisor announces the exit of ${title}`, async () => {
    await using world = new World({ a: manners });
    await world.begin();
    await act(world);
    await settle();
    const line = world.take().find((line) => line.startsWith("a exited"));
    assertEquals(line?.slice(0, said.length), said);
  });
}

Deno.test("Supervisor announces to every subscriber, in the order of their subscription", async () => {
  await using world = new World({ a: {} });
  const seen: string[] = [];
  world.supervisor.subscribe(({ type }) => seen.push(`1 ${type}`));
  world.supervisor.subscribe(({ type }) => seen.push(`2 ${type}`));
  await world.begin();
  assertEquals(seen.slice(0, 4), ["1 starting", "2 starting", "1 running", "2 running"]);
});

Deno.test("Supervisor.subscribe() ends when what it returns is disposed of", async () => {
  await using world = new World({ a: {} });
  const seen: string[] = [];
  {
    using _subscription = world.supervisor.subscribe(({ type }) => seen.push(type));
  }
  await world.begin();
  assertEquals(seen, []);
});

Deno.test("Supervisor.subscribe() ends when its signal aborts", async () => {
  await using world = new World({ a: {} });
  const seen: string[] = [];
  const controller = new AbortController();
  world.supervisor.subscribe(({ type }) => seen.push(type), { signal: controller.signal });
  controller.abort();
  await world.begin();
  assertEquals(seen, []);
});

Deno.test("Supervisor has handed out every event when its run resolves", async () => {
  await using world = new World({ a: {} });
  await world.supervisor.run(() => {});
  assertEquals(world.take().at(-1), "a exited running stopped 0");
});

for (
  const [title, fail] of [["throws", () => {
    throw oops;
  }], ["rejects", () => Promise.reject(oops)]] as const
) {
  Deno.test(`Supervisor prints what a listener ${title}, and changes nothing`, async () => {
    using console = new ErrorConsole();
    await using world = new World({ a: {} });
    world.supervisor.subscribe(fail);
    const after: string[] = [];
    world.supervisor.subscribe(({ type }) => after.push(type));
    await world.begin();
    assertEquals(world.take(), ["a starting restore 1", "a running 0"]);
    assertEquals(after, ["starting", "running", "reconciled"]);
    assertEquals(console.lines, Array(3).fill(["An event listener failed: Error: oops"]));
  });
}

Deno.test("Supervisor prints failures in plain words while nobody has subscribed", async () => {
  using console = new ErrorConsole();
  await using world = new World({ a: { startError: oops }, b: { build: () => Promise.reject(oops) } }, {
    isObserved: false,
    restart: { limit: 1 },
  });
  await world.begin();
  await settle();
  assertEquals(console.lines.flat().sort(), [
    'supervisor: process "a": failed while starting: Error: oops',
    'supervisor: process "a": parked after 1 failure: Error: oops',
    'supervisor: process "b": entry failed: Error: oops',
    'supervisor: process "b": parked after 1 failure: Error: oops',
  ]);
});

Deno.test("Supervisor prints nothing while nobody has subscribed and nothing fails", async () => {
  using console = new ErrorConsole();
  await using world = new World({ a: {} }, { isObserved: false });
  await world.begin();
  await world.end();
  assertEquals(console.lines, []);
});

Deno.test("Supervisor prints nothing while somebody has subscribed", async () => {
  using console = new ErrorConsole();
  await using world = new World({ a: { startError: oops } });
  await world.begin();
  assertEquals(console.lines, []);
});

Deno.test("Supervisor lets a listener call it", async () => {
  await using world = new World({ a: {} });
  const keys: string[][] = [];
  world.supervisor.subscribe(({ type }) => {
    if (type === "running") watch(world.supervisor.stop("a"));
    if (type === "exited") keys.push(world.supervisor.keys());
  });
  await world.begin();
  assertEquals([keys, world.take().at(-1)], [[[]], "a exited running stopped 0"]);
});
