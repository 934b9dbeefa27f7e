/**
 * The clock of the machine as `FakeTime` fakes it.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";

/**
 * A clock that `FakeTime` drives as a whole. Neither a supervisor nor a cluster needs it: under `FakeTime` their own clock
 * follows. It is for code of yours that takes a {@linkcode Clock} and may be called before time is fake. Deno KV answers in real
 * time: let fake time pass in small steps, or deadlines pass before it answers.
 *
 * @example A cluster under fake time
 * ```ts
 * import { Cluster } from "@pact/supervisor/cluster";
 * import { advance } from "@pact/supervisor/testing";
 * import { assertEquals } from "@std/assert";
 * import { FakeTime } from "@std/testing/time";
 *
 * using time = new FakeTime();
 * using kv = await Deno.openKv(":memory:");
 * const cluster = new Cluster(kv, { allowLocal: true, clock: fakeTimeClock }); // as without it
 * let isOver = false;
 * const run = cluster.run(() => assertEquals(cluster.snapshot().slots.owned.length, 256)).finally(() => isOver = true);
 * while (!isOver) await advance(time, 10);
 * await run;
 * ```
 */
export const fakeTimeClock: Clock = { ...systemClock, monotonic: () => systemClock.now() };
