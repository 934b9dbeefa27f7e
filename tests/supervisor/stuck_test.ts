import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ProcessNotRunningError, ProcessStuckError } from "@pact/supervisor";
import { settle, watch, World } from "./fixtures/mod.ts";

const oops = new Error("oops");
const deaf = { deaf: true, lingers: true };

Deno.test("Supervisor.stop() aborts after stopTimeoutMs a process that does not end gracefully", async () => {
  await using world = new World({ a: { lingers: true } });
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  await world.time.pass(3_999);
  assertEquals(world.bot("a").signal?.aborted, false);
  await world.time.pass(1);
  assertEquals([world.bot("a").signal?.aborted, stop.fate], [true, "resolved"]);
});

Deno.test("Supervisor.stop() rejects with ProcessStuckError when the process ignores the abort as well", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  await world.time.pass(7_999);
  assertEquals(stop.fate, "pending");
  await world.time.pass(1);
  assertEquals([stop.fate, (stop.error as ProcessStuckError).sinceAt], ["ProcessStuckError", 8_000]);
});

Deno.test("Supervisor uses its option stopTimeoutMs for the graceful part and for the abort", async () => {
  await using world = new World({ a: deaf }, { stopTimeoutMs: 50 });
  await world.begin();
  watch(world.supervisor.stop("a"));
  await world.time.pass(50);
  assertEquals([world.bot("a").signal?.aborted, world.stateOf("a")], [true, "stopping"]);
  await world.time.pass(50);
  assertEquals(world.stateOf("a"), "stuck");
});

Deno.test("Supervisor aborts at once with stopTimeoutMs 0", async () => {
  await using world = new World({ a: { lingers: true } }, { stopTimeoutMs: 0 });
  await world.begin();
  const { signal } = world.bot("a");
  watch(world.supervisor.stop("a"));
  await world.time.pass(0);
  assertEquals(signal?.aborted, true);
});

Deno.test("Supervisor announces a stuck process once, with the moment", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  world.take();
  watch(world.supervisor.stop("a"));
  await world.time.pass(100_000);
  assertEquals(world.take(), ["a stuck 8000"]);
});

Deno.test("Supervisor keeps the key of a stuck process: nothing else starts under it", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  watch(world.supervisor.stop("a"));
  await world.time.pass(100_000);
  assertEquals([world.supervisor.keys(), world.bot("a").runs], [["a"], 1]);
  assertThrows(() => world.supervisor.get("a"), ProcessNotRunningError, 'its state is "stuck"');
});

Deno.test("Supervisor.stop() of a stuck process rejects with ProcessStuckError at once", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  watch(world.supervisor.stop("a"));
  await world.time.pass(8_000);
  const error = await assertRejects(() => world.supervisor.stop("a"), ProcessStuckError);
  assertEquals([error.key, error.sinceAt, world.time.now], ["a", 8_000, 8_000]);
});

Deno.test("Supervisor announces that a stuck process has ended after all", async () => {
  await using world = new World({ a: deaf }, { announces: false });
  await world.begin();
  world.table.delete("a");
  watch(world.supervisor.stop("a"));
  await world.time.pass(9_000);
  world.take();
  world.bot("a").down.resolve();
  await settle();
  assertEquals([world.take(), world.supervisor.keys()], [["a unstuck 8000", "a exited running stopped 9000"], []]);
});

Deno.test("Supervisor announces what a stuck process fails with in the end", async () => {
  await using world = new World({ a: deaf }, { announces: false });
  await world.begin();
  world.table.delete("a");
  watch(world.supervisor.stop("a"));
  await world.time.pass(9_000);
  world.bot("a").crash(oops);
  await settle();
  assertEquals(world.take().slice(-2), ["a unstuck 8000", "a exited running failed oops 9000"]);
});

Deno.test("Supervisor starts an entry again when its stuck process has ended and the table still has it", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  watch(world.supervisor.stop("a"));
  await world.time.pass(8_000);
  const old = world.bot("a");
  old.down.resolve();
  await settle();
  assertEquals([world.supervisor.keys(), world.bot("a") === old], [["a"], false]);
});

Deno.test("Supervisor replaces a stuck process when it has ended after its entry changed", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  world.table.set("a");
  await world.time.pass(8_000);
  assertEquals(world.stateOf("a"), "stuck");
  world.take();
  world.table.bots.get("a")!.down.resolve();
  await settle();
  assertEquals(world.take().at(-1), "a running 0");
});

Deno.test("Supervisor.run() resolves although a process is stuck, after both budgets", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  await world.leave();
  await world.time.pass(7_999);
  assertEquals(world.run.fate, "pending");
  await world.time.pass(1);
  assertEquals([world.run.fate, world.take().at(-1)], ["resolved", "a stuck 8000"]);
});

Deno.test("Supervisor names a stuck process in the snapshot after the run", async () => {
  await using world = new World({ a: deaf, b: {} });
  await world.begin();
  await world.end();
  const { isRunning, counts, processes } = world.snapshot;
  const stuck = { key: "a", state: "stuck", sinceAt: 8_000, version: 1, failures: 0 };
  assertEquals({ isRunning, counts, processes }, { isRunning: false, counts: { stuck: 1 }, processes: [stuck] });
});

Deno.test("Supervisor.run() does not wait again for a process that was stuck before its end", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  watch(world.supervisor.stop("a"));
  await world.time.pass(8_000);
  await world.leave();
  assertEquals([world.run.fate, world.journal.of("stuck").length], ["resolved", 1]);
});

Deno.test("Supervisor.run() waits for the others although one process is stuck", async () => {
  await using world = new World({ a: deaf, b: { lingers: true } });
  await world.begin();
  watch(world.supervisor.stop("a"));
  await world.time.pass(8_000);
  await world.leave();
  assertEquals(world.run.fate, "pending");
  world.bot("b").down.resolve();
  await settle();
  assertEquals(world.run.fate, "resolved");
});

Deno.test("Supervisor keeps the key of a stuck process in the next run, until it ends", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  await world.end();
  await world.begin();
  const old = world.bot("a");
  assertEquals([world.stateOf("a"), old.runs], ["stuck", 1]);
  old.down.resolve();
  await settle();
  assertEquals([world.stateOf("a"), world.bot("a") === old], ["running", false]);
});

Deno.test("Supervisor starts a key whose stuck process has ended between two runs", async () => {
  await using world = new World({ a: deaf });
  await world.begin();
  await world.end();
  world.bot("a").down.resolve();
  await settle();
  assertEquals(world.supervisor.keys(), []);
  await world.begin();
  assertEquals(world.stateOf("a"), "running");
});

Deno.test("Supervisor.run() ends although a build does not, and names it as stuck", async () => {
  await using world = new World({ a: { build: () => new Promise(() => {}) } });
  await world.begin();
  await world.time.pass(1_000);
  await world.leave();
  await world.time.pass(8_000);
  assertEquals([world.run.fate, world.stateOf("a")], ["resolved", "stuck"]);
});

Deno.test("Supervisor does not run what is built after the stop of its key", async () => {
  const gate = Promise.withResolvers<{ run(): Promise<void> }>();
  let runs = 0;
  await using world = new World({ a: { build: () => gate.promise } });
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  gate.resolve({ run: () => Promise.resolve(void runs++) });
  await settle();
  assertEquals([stop.fate, runs, world.take().at(-1)], ["resolved", 0, "a exited starting stopped 0"]);
});

Deno.test("Supervisor.stop() rejects with what a build fails with after the stop", async () => {
  const gate = Promise.withResolvers<void>();
  await using world = new World({ a: { build: () => gate.promise } });
  await world.begin();
  const stop = watch(world.supervisor.stop("a"));
  gate.reject(oops);
  await settle();
  assertStrictEquals(stop.error, oops);
});

Deno.test("Supervisor.stop() calls a process that is starting stuck after one budget: it was aborted at once", async () => {
  await using world = new World({ a: { hangs: true, deaf: true } });
  await world.begin();
  watch(world.supervisor.stop("a"));
  await world.time.pass(3_999);
  assertEquals(world.stateOf("a"), "stopping");
  await world.time.pass(1);
  assertEquals(world.stateOf("a"), "stuck");
});

Deno.test("Supervisor does not run what is built when its key is stuck already", async () => {
  const gate = Promise.withResolvers<{ run(): Promise<void> }>();
  let runs = 0;
  await using world = new World({}, { announces: false });
  await world.begin();
  world.table.set("a", { build: () => gate.promise });
  watch(world.supervisor.start("a"));
  await settle();
  world.table.delete("a");
  watch(world.supervisor.stop("a"));
  await world.time.pass(4_000);
  gate.resolve({ run: () => Promise.resolve(void runs++) });
  await settle();
  assertEquals([runs, world.take().slice(1)], [0, ["a stuck 4000", "a unstuck 4000", "a exited starting stopped 0"]]);
});
