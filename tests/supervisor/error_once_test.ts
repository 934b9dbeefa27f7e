import { assertEquals, assertStrictEquals } from "@std/assert";
import { type RowLike, settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");
const fail = () => Promise.reject(oops);

/** Where an error may come from, with nobody who waits for anything. */
const sources: [string, RowLike | undefined, (world: World) => unknown][] = [
  ["a start", { startError: oops }, () => {}],
  ["a crash", {}, (world) => world.bot("a").crash(oops)],
  ["a stop after a removal", { stopError: oops }, (world) => world.table.delete("a")],
  ["a stop after a replacement", { stopError: oops }, (world) => world.table.set("a")],
  ["a build", { build: fail }, () => {}],
  ["an iteration", undefined, (world) => world.table.onIterate = fail],
  ["a look", undefined, (world) => {
    world.table.onLook = (key) => key === "b" ? fail() : undefined;
    world.table.announce("b");
  }],
  ["the stream of changes", undefined, (world) => world.table.streams[0].fail(oops)],
  ["a crash during a graceful stop", { lingers: true }, (world) => {
    world.table.delete("a");
    return settle().then(() => world.bot("a").crash(oops));
  }],
  ["a crash of a stuck process", { lingers: true, deaf: true }, async (world) => {
    world.table.delete("a");
    await world.time.pass(8_000);
    world.bot("a").crash(oops);
  }],
];
for (const [title, row, act] of sources) {
  Deno.test(`Supervisor announces the error of ${title} in exactly one event`, async () => {
    await using world = new World(row ? { a: row } : {}, { intervalMs: 1_000_000 });
    await world.begin();
    await act(world);
    if (title === "an iteration") watch(world.supervisor.reconcile());
    await settle();
    assertEquals(world.journal.tellings(oops), 1);
  });
}

Deno.test("Supervisor announces the error of a stop during the shutdown in exactly one event", async () => {
  await using world = new World({ a: { stopError: oops } });
  await world.begin();
  await world.end();
  assertEquals([world.journal.tellings(oops), world.run.fate], [1, "resolved"]);
});

Deno.test("Supervisor gives the table's error to the caller of start and to nobody else", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.onLook = fail;
  const start = watch(world.supervisor.start("a"));
  await settle();
  assertStrictEquals(start.error, oops);
  assertEquals(world.journal.tellings(oops), 0);
});

Deno.test("Supervisor gives the process's error to each caller that joined the start, and announces one exit", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  const ensures = [watch(world.supervisor.ensure("a")), watch(world.supervisor.ensure("a"))];
  world.bot("a").crash(oops);
  await settle();
  assertEquals([ensures.map(({ error }) => error), world.journal.tellings(oops)], [[oops, oops], 1]);
});

Deno.test("Supervisor leaves no rejection unhandled when nobody awaits its calls' outcome any more", async () => {
  await using world = new World({ a: { hangs: true } });
  await world.begin();
  const controller = new AbortController();
  const ensure = watch(world.supervisor.ensure("a", { signal: controller.signal }));
  controller.abort();
  world.bot("a").crash(oops);
  await settle();
  assertEquals([ensure.fate, world.unhandled.reasons], ["AbortError", []]);
});

for (const thrown of [undefined, null, 0, "text", Symbol("thrown"), Object.create(null)]) {
  Deno.test(`Supervisor bears a process that throws ${typeof thrown === "object" ? thrown && "a bare object" : String(thrown)}`, async () => {
    await using world = new World({}, { restart: { limit: 1 } });
    world.table.set("a", { build: () => ({ run: () => Promise.reject(thrown) }) });
    await world.begin();
    await settle();
    const [exit] = world.journal.of("exited");
    assertEquals([exit.outcome, "error" in exit, exit.error === thrown], ["failed", true, true]);
    assertEquals([world.stateOf("a"), world.snapshot.counts], ["parked", { parked: 1 }]);
  });
}

Deno.test("Supervisor announces the table's error of a look when the caller who asked for it has given up", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  const gate = Promise.withResolvers<void>();
  world.table.onLook = () => gate.promise.then(fail);
  const controller = new AbortController();
  const ensure = watch(world.supervisor.ensure("a", { signal: controller.signal }));
  await settle();
  controller.abort();
  await settle();
  gate.resolve();
  await settle();
  assertEquals([ensure.fate, world.take()], ["AbortError", ["table-failed get oops"]]);
});

Deno.test("Supervisor gives the table's error of a look to the one of two callers who has not given up", async () => {
  await using world = new World({}, { announces: false });
  await world.begin();
  const gate = Promise.withResolvers<void>();
  world.table.onLook = () => gate.promise.then(fail);
  const controller = new AbortController();
  watch(world.supervisor.ensure("a", { signal: controller.signal }));
  const patient = watch(world.supervisor.ensure("a"));
  await settle();
  controller.abort();
  await settle();
  gate.resolve();
  await settle();
  assertEquals([patient.error, world.take()], [oops, []]);
});
