import { assertEquals, assertThrows } from "@std/assert";
import { ProcessStateError, type RunCallback } from "@pact/supervisor";
import { settle } from "../supervisor/fixtures/mod.ts";
import { begin, lifeOf, type Run, ToldLife } from "./life_fixture.ts";

const oops = new Error("oops");
const ownAbort = new DOMException("own", "AbortError");

Deno.test("Life tells that it is up within the call of the callback", async () => {
  let toldInCall: string[] = [];
  const { life, told } = lifeOf((running, signal) => {
    const result = running(signal);
    toldInCall = [...told];
    return result;
  });
  await begin(life);
  assertEquals(toldInCall, ["up running"]);
});

Deno.test("Life starts the run within begin()", () => {
  let isRun = false;
  const { life } = lifeOf(() => void (isRun = true));
  life.begin();
  assertEquals(isRun, true);
});

const early = "Cannot start process: its run ended without calling the callback";
const ends: [string, Run, string[]][] = [
  ["returns early", () => Promise.resolve(), [`failed stopped ProcessEndedEarlyError: ${early}`]],
  ["returns early and no promise", () => undefined, [`failed stopped ProcessEndedEarlyError: ${early}`]],
  ["returns something that is no promise", () => 5, [`failed stopped ProcessEndedEarlyError: ${early}`]],
  ["rejects early", () => Promise.reject(oops), ["failed stopped Error: oops"]],
  ["throws synchronously", () => {
    throw oops;
  }, ["failed stopped Error: oops"]],
  ["throws synchronously after the callback", (running, signal) => {
    running(signal);
    throw oops;
  }, ["up running", "failed stopped Error: oops"]],
  ["calls back and returns at once", (running, signal) => void running(signal), ["up running", "returned stopped"]],
  ["calls back without a signal and returns", (running) => void (running as () => unknown)(), [
    "up running",
    "returned stopped",
  ]],
  ["rejects while running", (running, signal) => {
    running(signal);
    return Promise.reject(oops);
  }, ["up running", "failed stopped Error: oops"]],
  ["rejects with its own AbortError while running", (running, signal) => {
    running(signal);
    return Promise.reject(ownAbort);
  }, ["up running", "failed stopped AbortError: own"]],
  ["rejects with its own AbortError while starting", () => Promise.reject(ownAbort), [
    "failed stopped AbortError: own",
  ]],
  ["calls back twice and does not catch what that throws", async (running, signal) => {
    running(signal);
    await running(signal);
  }, ["up running", 'failed stopped ProcessStateError: Cannot call the run callback again: its state is "running"']],
];
for (const [title, run, expected] of ends) {
  Deno.test(`Life of a run that ${title} says: ${expected.at(-1)}`, async () => {
    const { life, told } = lifeOf(run);
    await begin(life);
    assertEquals(told, expected);
  });
}

Deno.test("Life goes on when a run calls back twice and catches what that throws", async () => {
  const { life, told } = lifeOf((running, signal) => {
    const first = running(signal);
    assertThrows(() => running(signal), ProcessStateError, "call the run callback again");
    return first;
  });
  await begin(life);
  life.stop();
  await settle();
  assertEquals(told, ["up running", "stopped stopped"]);
});

Deno.test("Life throws at a callback that comes after the run has settled", async () => {
  let late: RunCallback | undefined;
  const { life, told } = lifeOf((running) => void (late = running));
  await begin(life);
  const error = assertThrows(() => late!(new AbortController().signal), ProcessStateError);
  assertEquals([error.state, told.length], ["stopped", 1]);
});

Deno.test("Life lets a callback that comes during the stop return at once, and is not up", async () => {
  const gate = Promise.withResolvers<void>();
  const { life, told } = lifeOf(async (running, signal) => {
    await gate.promise;
    await running(signal);
  });
  await begin(life);
  life.stop();
  gate.resolve();
  await settle();
  assertEquals([told, life.wasUp], [["stopped stopped"], false]);
});

Deno.test("Life.stop() lets the callback return and aborts nothing", async () => {
  let wasAborted: boolean | undefined;
  const { life, told } = lifeOf(async (running, signal) => {
    await running(signal);
    wasAborted = signal.aborted;
  });
  await begin(life);
  life.stop();
  assertEquals(life.state, "stopping");
  await settle();
  assertEquals([told.at(-1), wasAborted], ["stopped stopped", false]);
});

Deno.test("Life.stop() within lifeIsUp lets the callback return at once", async () => {
  class Reluctant extends ToldLife {
    protected override lifeIsUp(): void {
      this.stop();
    }
  }
  const life = new Reluctant(async (running, signal) => void await running(signal));
  await begin(life);
  assertEquals([life.state, life.outcome], ["stopped", "stopped"]);
});

Deno.test("Life.begin() does not run what was asked to stop before", async () => {
  let runs = 0;
  const { life, told } = lifeOf(() => runs++);
  life.stop();
  await begin(life);
  assertEquals([runs, told], [0, ["stopped stopped"]]);
});
