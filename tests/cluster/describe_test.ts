import { assertEquals } from "@std/assert";
import { type ClusterEvent, describeClusterEvent } from "../../src/cluster/mod.ts";
import { KvUnavailableError } from "../../src/kv/mod.ts";
import { isFailure } from "../../src/cluster/describe.ts";

const at = 5;
const lines: readonly (readonly [event: ClusterEvent, line: string, isFailure: boolean])[] = [
  [{ type: "session-joined", at, session: "a1", isSelf: true }, "session a1, this instance, has joined", false],
  [{ type: "session-joined", at, session: "a1", isSelf: false }, "session a1 has appeared", false],
  [{ type: "session-left", at, session: "a1", isSelf: true }, "session a1, this instance, has left", false],
  [{ type: "session-left", at, session: "a1", isSelf: false }, "session a1 is gone", false],
  [
    { type: "session-dead", at, session: "a1", silentMs: 15_000.4 },
    "session a1 is dead: it has not moved for 15000 ms",
    false,
  ],
  [
    { type: "session-fenced", at, session: "a1", cause: "silent", silentMs: 10_000.4, slots: 85 },
    "session a1, this instance, is fenced with 85 slots: no heartbeat was acknowledged for 10000 ms",
    true,
  ],
  [
    { type: "session-fenced", at, session: "a1", cause: "declared-dead", silentMs: 3, slots: 85 },
    "session a1, this instance, is fenced with 85 slots: it was declared dead",
    true,
  ],
  [{ type: "slot-claimed", at, slot: 3, token: "0007" }, "slot 3 is claimed under token 0007", false],
  [{ type: "slot-released", at, slot: 3, cause: "handed-over" }, "slot 3 is handed over", false],
  [{ type: "slot-released", at, slot: 3, cause: "lost" }, "slot 3 is lost", false],
  [
    { type: "cluster-idle", at, timeline: "preview/x1" },
    "this instance stays out of the cluster: its timeline is preview/x1",
    true,
  ],
  [
    { type: "cluster-idle", at, timeline: "a\nb\x1b[31m" },
    "this instance stays out of the cluster: its timeline is a\\nb\\x1b[31m",
    true,
  ],
  [
    { type: "cluster-waiting", at, session: "a1\n", reason: "its format is 2", waitedMs: 600_000.4 },
    "this instance has waited for 600000 ms for session a1\\n to end, since it cannot be in one cluster with it: " +
    "its format is 2",
    true,
  ],
  [
    { type: "database-unavailable", at, operation: "look", error: new KvUnavailableError("list the sessions", 7_500) },
    "the database does not answer: look failed: KvUnavailableError: Cannot list the sessions: Deno KV has not answered " +
    "for 7500 ms; nothing was sent",
    true,
  ],
  [{ type: "database-available", at, forMs: 61_000.4 }, "the database answers again after 61000 ms", true],
  [
    { type: "cluster-failed", at, operation: "claim", error: new TypeError("no") },
    "claim failed: TypeError: no",
    true,
  ],
  [{ type: "cluster-failed", at, operation: "leave", error: undefined }, "leave failed: undefined", true],
];
for (const [event, line, failure] of lines) {
  Deno.test(`describeClusterEvent() says "${line}"`, () => {
    assertEquals([describeClusterEvent(event), isFailure(event)], [line, failure]);
  });
}
