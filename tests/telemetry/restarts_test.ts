import { assertEquals } from "@std/assert";
import type { ExitOutcome, SupervisorEvent } from "@pact/supervisor";
import { Restarts } from "../../src/telemetry/restarts.ts";

type Event = SupervisorEvent<string>;

const at = 0, pause = { at };
const start = (cause: string, key = "a") => ({ type: "starting", at, key, cause, attempt: 1 }) as Event;
const exit = (outcome: ExitOutcome, key = "a") => {
  return { type: "exited", at, key, phase: "running", outcome, uptimeMs: 0 } as Event;
};
const retrying = (key = "a") => ({ type: "retrying", at, key, failures: 1, delayMs: 0, retryAt: 0 }) as Event;
const replaced: Event = { type: "replaced", at, key: "a", version: 2 };
const paused: Event = { type: "paused", at, key: "a", pause };
const removed: Event = { type: "removed", at, key: "a", cause: "deleted" };
const parked: Event = { type: "parked", at, key: "a", cause: "limit", failures: 1, error: undefined };

const cases: Readonly<Record<string, [events: Event[], outcomes: ExitOutcome[]]>> = {
  "a first start": [[start("restore")], []],
  "what has failed": [[start("restore"), exit("failed"), retrying(), start("retry")], ["failed"]],
  "what has returned": [[exit("returned"), retrying(), start("retry")], ["returned"]],
  "a new version": [[replaced, exit("stopped"), start("change")], ["stopped"]],
  "a new version that the brake holds up": [[replaced, exit("stopped"), retrying(), start("retry")], ["stopped"]],
  "an entry that cannot be read": [[exit("returned", "b"), retrying(), start("retry")], ["failed"]],
  "what was abandoned": [[{ ...exit("failed"), type: "abandoned", sinceAt: 0 } as Event, retrying(), start("retry")], [
    "failed",
  ]],
  "two keys at once": [[
    exit("failed"),
    retrying(),
    exit("returned", "b"),
    retrying("b"),
    start("retry", "b"),
    start("retry"),
  ], [
    "returned",
    "failed",
  ]],
  "a stop and a start by call": [[exit("stopped"), start("call")], []],
  "a call that does not wait for the retry": [[exit("failed"), retrying(), start("call")], []],
  "a start once only": [[exit("failed"), retrying(), start("retry"), exit("stopped"), start("change")], ["failed"]],
  "what was parked": [[exit("failed"), retrying(), parked, start("change")], []],
  "what was paused": [[exit("failed"), retrying(), paused, start("change")], []],
  "what was removed": [[exit("failed"), retrying(), removed, start("change")], []],
  "the next run": [[exit("failed"), retrying(), start("restore")], []],
};

for (const [name, [events, outcomes]] of Object.entries(cases)) {
  Deno.test(`Restarts.note() tells restarts from other starts: ${name}`, () => {
    const restarts = new Restarts();
    assertEquals(events.map((event) => restarts.note(event)).filter((outcome) => outcome !== undefined), outcomes);
  });
}
