import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { fenceAfterMs, Timing } from "../../src/cluster/timing.ts";

type Durations = Readonly<Record<Exclude<keyof Timing, "heartbeatMs" | "ttlMs">, number>>;

const cases: readonly (readonly [heartbeatMs: number, ttlMs: number, durations: Durations])[] = [
  [5_000, 15_000, {
    sharedCheckMs: 7_500,
    timeoutMs: 2_500,
    fenceMs: 10_000,
    beatRetryMs: 500,
    admissionRetryMs: 1_000,
    waitMs: 5_000,
    waitingNoticeMs: 600_000,
    rejoinMs: 500,
    settleMs: 500,
    rejoinSettleMs: 2_500,
    minLookMs: 500,
    eagerMinLookMs: 250,
    eagerLookMs: 1_000,
    eagernessMs: 15_000,
    bellPollMs: 1_000,
    claimsCheckMs: 300_000,
    keptRowsMs: 60_000,
    graceMs: 5_000,
    steadyMs: 10_000,
    failureMs: 15_000,
    handOverMs: 15_000,
  }],
  [1_000, 6_000, {
    sharedCheckMs: 1_500,
    timeoutMs: 500,
    fenceMs: 4_000,
    beatRetryMs: 100,
    admissionRetryMs: 200,
    waitMs: 1_000,
    waitingNoticeMs: 600_000,
    rejoinMs: 100,
    settleMs: 100,
    rejoinSettleMs: 500,
    minLookMs: 100,
    eagerMinLookMs: 50,
    eagerLookMs: 200,
    eagernessMs: 6_000,
    bellPollMs: 200,
    claimsCheckMs: 300_000,
    keptRowsMs: 12_000,
    graceMs: 1_000,
    steadyMs: 2_000,
    failureMs: 6_000,
    handOverMs: 6_000,
  }],
];

for (const [heartbeatMs, ttlMs, durations] of cases) {
  for (const [name, expectedMs] of Object.entries(durations) as [keyof Durations, number][]) {
    Deno.test(`Timing.${name} is ${expectedMs} for a heartbeat of ${heartbeatMs} and a TTL of ${ttlMs}`, () => {
      assertEquals(new Timing({ heartbeatMs, ttlMs })[name], expectedMs);
    });
  }
}

Deno.test("fenceAfterMs() counts the TTL of the session that it is asked about", () => {
  assertEquals([30, 15_000].map(fenceAfterMs), [20, 10_000]);
});

const shortest = [[10, 30], [1_000, 3_000], [5_000, 15_000], [11, 33]] as const;
for (const [heartbeatMs, ttlMs] of shortest) {
  Deno.test(`Timing leaves room for a beat that is lost with a heartbeat of ${heartbeatMs} and a TTL of ${ttlMs}`, () => {
    const { timeoutMs, beatRetryMs, fenceMs } = new Timing({ heartbeatMs, ttlMs });
    // The next beat is given up after its deadline; another one is written and can be answered before the fence.
    assert(heartbeatMs + timeoutMs + beatRetryMs < fenceMs);
  });

  Deno.test(`Timing has a session fenced before a clock that is half as fast again calls it dead, with a TTL of ${ttlMs}`, () => {
    const { fenceMs } = new Timing({ heartbeatMs, ttlMs });
    assert(fenceMs * 1.5 <= ttlMs);
  });

  Deno.test(`Timing promises a new owner within the TTL plus two heartbeats, with a TTL of ${ttlMs}`, () => {
    const timing = new Timing({ heartbeatMs, ttlMs });
    const seenMs = timing.heartbeatMs; // at worst, after the last beat
    assertEquals(seenMs + timing.ttlMs + timing.graceMs, ttlMs + 2 * heartbeatMs);
    assertAlmostEquals(timing.graceMs / timing.eagerLookMs, 5); // a whole number: a look falls on the end of the grace
  });
}
