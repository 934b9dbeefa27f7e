/**
 * The clock of the machine as `FakeTime` fakes it.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";

/**
 * A clock that `FakeTime` drives as a whole. It fakes `Date.now` and timers but not `performance.now`, by which a cluster
 * measures: a cluster under `FakeTime` needs this clock as its option `clock`. A supervisor needs none.
 *
 * @example A cluster under fake time
 * ```ts
 * import { Cluster } from "@pact/supervisor/cluster";
 * import { advance, fakeTimeClock, MemoryKv } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 * import { FakeTime } from "@std/testing/time";
 *
 * using time = new FakeTime();
 * const cluster = new Cluster(new MemoryKv(), { allowLocal: true, clock: fakeTimeClock });
 * const stop = Promise.withResolvers<void>();
 * const run = cluster.run(() => stop.promise);
 * await advance(time, 1_000);
 * assertEquals(cluster.snapshot().slots.owned.length, 256);
 * stop.resolve();
 * await run;
 * ```
 */
export const fakeTimeClock: Clock = { ...systemClock, monotonic: () => systemClock.now() };
