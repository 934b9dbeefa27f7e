/** A session that has died with a record that stands for long, and is the one to which slots belong. */

import { assert, assertEquals } from "@std/assert";
import { hang } from "../../src/testing/mod.ts";
import { heartbeatMs, manyKeys, World } from "./fixtures.ts";

Deno.test("Cluster hands a slot over once to a session that has died before it took what was handed over", async () => {
  await using world = await World.open(manyKeys(40));
  world.mayOverlap = true; // the instance is not dead, it is cut off
  const ttlMs = 12 * heartbeatMs;
  const one = await world.member("a", { ttlMs });
  await world.pass(6 * heartbeatMs);
  const two = await world.member("b", { ttlMs });
  while (two.owned.length === 0) await world.pass(50);
  two.kv.break(hang());
  const before = one.events.length;
  await world.pass(ttlMs);
  const released = one.events.slice(before).flatMap((event) => event.type === "slot-released" ? [event.slot] : []);
  assert(released.length <= 4, `${released}`);
  assertEquals(released.length, new Set(released).size);
  await world.pass(2 * heartbeatMs);
  assertEquals(one.owned.length, 16);
});
