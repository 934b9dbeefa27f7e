import { EventStream } from "../../src/event_stream.ts";
import type { SupervisorEvent } from "../../src/events.ts";
import { describeEvent } from "../../src/supervisor/describe.ts";

const started: SupervisorEvent<string> = {
  type: "running",
  at: 1_700_000_000_000,
  key: "acme",
  attempt: 1,
  startMs: 12,
};
const failed: SupervisorEvent<string> = {
  type: "exited",
  at: 1_700_000_000_000,
  key: "acme",
  phase: "running",
  outcome: "failed",
  error: new Error("no such host"),
  uptimeMs: 60_000,
};

for (const listeners of [0, 1, 10]) {
  const events = new EventStream<SupervisorEvent<string>>();
  let seen = 0;
  for (let i = 0; i < listeners; i++) events.subscribe(() => seen++);
  Deno.bench(`EventStream hands 1 000 events to ${listeners} listeners`, { group: "emit" }, () => {
    for (let i = 0; i < 1_000; i++) events.emit(started);
    events.flush();
  });
}

Deno.bench("describeEvent() of a start", { group: "describe" }, () => {
  describeEvent(started);
});

Deno.bench("describeEvent() of a failure", { group: "describe" }, () => {
  describeEvent(failed);
});
