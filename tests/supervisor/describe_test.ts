import { assertEquals } from "@std/assert";
import { describeEvent, type SupervisorEvent, UnrecoverableError } from "@pact/supervisor";

const of = { key: "a", at: 0 } as const;
const oops = new TypeError("oops");

const sentences: [SupervisorEvent<unknown>, string][] = [
  [{ type: "starting", ...of, cause: "restore", attempt: 1 }, 'process "a": starting (restore)'],
  [{ type: "starting", ...of, cause: "retry", attempt: 3 }, 'process "a": starting (retry, attempt 3)'],
  [{ type: "running", ...of, startMs: 7, attempt: 1 }, 'process "a": running after 7 ms'],
  [{ type: "running", ...of, startMs: 1_250, attempt: 3 }, 'process "a": running after 1.3 s, at attempt 3'],
  [
    { type: "exited", ...of, phase: "running", outcome: "stopped", uptimeMs: 90_000 },
    'process "a": stopped, had been up for 90 s',
  ],
  [
    { type: "exited", ...of, phase: "running", outcome: "returned", uptimeMs: 0 },
    'process "a": returned, had been up for 0 ms',
  ],
  [
    { type: "exited", ...of, phase: "starting", outcome: "failed", error: oops, uptimeMs: 0 },
    'process "a": failed while starting: TypeError: oops',
  ],
  [
    { type: "exited", ...of, phase: "running", outcome: "failed", error: "text", uptimeMs: 0 },
    'process "a": failed while running: text',
  ],
  [
    { type: "exited", ...of, phase: "running", outcome: "failed", error: Object.create(null), uptimeMs: 0 },
    'process "a": failed while running: [object Object]',
  ],
  [
    { type: "retrying", ...of, failures: 2, delayMs: 2_000, retryAt: 2_000 },
    'process "a": retry in 2 s after failure 2',
  ],
  [{ type: "retrying", ...of, failures: 0, delayMs: 2_000, retryAt: 2_000 }, 'process "a": retry in 2 s'],
  [
    { type: "parked", ...of, cause: "limit", failures: 5, error: oops },
    'process "a": parked after 5 failures: TypeError: oops',
  ],
  [
    { type: "parked", ...of, cause: "decided", failures: 1, error: oops },
    'process "a": parked by restart.decide after 1 failure: TypeError: oops',
  ],
  [
    { type: "parked", ...of, cause: "unrecoverable", failures: 1, error: new UnrecoverableError("no such token") },
    'process "a": parked as unrecoverable after 1 failure: UnrecoverableError: no such token',
  ],
  [{ type: "unparked", ...of, cause: "change" }, 'process "a": unparked (change)'],
  [{ type: "stuck", ...of, sinceAt: 0 }, 'process "a": stuck: asked to stop, then aborted, and has not ended'],
  [{ type: "unstuck", ...of, sinceAt: 0 }, 'process "a": unstuck: it ended after all'],
  [
    { type: "abandoned", ...of, sinceAt: 0, phase: "running", outcome: "stopped", uptimeMs: 5 },
    'process "a": abandoned: it has not ended, and no longer holds its key',
  ],
  [
    { type: "abandoned", ...of, sinceAt: 0, phase: "starting", outcome: "failed", error: oops, uptimeMs: 0 },
    'process "a": abandoned: it has not ended, after it failed while starting: TypeError: oops',
  ],
  [
    { type: "abandoned-ended", ...of, sinceAt: 0, outcome: "stopped" },
    'process "a": an abandoned life has ended after all',
  ],
  [
    { type: "abandoned-ended", ...of, sinceAt: 0, outcome: "failed", error: oops },
    'process "a": an abandoned life has ended after all: TypeError: oops',
  ],
  [{ type: "removed", ...of, cause: "deleted" }, 'process "a": removed from the table'],
  [{ type: "removed", ...of, cause: "moved" }, 'process "a": moved to another instance'],
  [{ type: "replaced", ...of, version: 2 }, 'process "a": replaced by a new version'],
  [{ type: "entry-failed", ...of, error: oops }, 'process "a": entry failed: TypeError: oops'],
  [{ type: "table-failed", at: 0, operation: "get", error: oops }, "table: get failed: TypeError: oops"],
  [
    { type: "reconciled", at: 0, seen: 5, started: 4, stopped: 3, replaced: 2, failed: 1, durationMs: 0 },
    "table: 5 entries seen, 4 started, 3 stopped, 2 replaced, 1 failed",
  ],
  [{ type: "removed", at: 0, key: 7, cause: "deleted" }, "process 7: removed from the table"],
  [{ type: "removed", at: 0, key: 7n, cause: "deleted" }, "process 7n: removed from the table"],
];
for (const [event, sentence] of sentences) {
  Deno.test(`describeEvent() says: ${sentence}`, () => assertEquals(describeEvent(event), sentence));
}
