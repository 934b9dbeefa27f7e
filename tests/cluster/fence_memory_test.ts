/** A cluster that is fenced and joins again keeps nothing of its former sessions. */

import { assert, assertEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { turn } from "../../src/clock.ts";
import { Session } from "../../src/cluster/session.ts";
import { failWith } from "../../src/testing/mod.ts";
import { fenceMs, heartbeatMs, manyKeys, settleMs, World } from "./fixtures.ts";

const fences = 10;

/** Notes every session that lives, without keeping it. */
function noteSessions(): { readonly left: number } & Disposable {
  const noted: WeakRef<Session>[] = [];
  const { live } = Session.prototype;
  Session.prototype.live = function (looked, isRejoining) {
    noted.push(new WeakRef(this));
    return live.call(this, looked, isRejoining);
  };
  return {
    get left() {
      return noted.filter((session) => session.deref()).length;
    },
    [Symbol.dispose]: () => void (Session.prototype.live = live),
  };
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  for (let rounds = 0; rounds < 5; rounds++) {
    await turn();
    collect();
  }
}

const besides = {
  "nothing else": {},
  "a process that hangs in its start-up": { hangs: true, deaf: true },
  "a process that is stuck": { lingers: true, deaf: true },
};
for (const [name, manners] of Object.entries(besides)) {
  Deno.test(`Cluster that is fenced ${fences} times keeps none of its former sessions, beside ${name}`, async () => {
    using sessions = noteSessions();
    await using world = await World.open(manyKeys(32));
    const one = await world.member("a");
    world.manners.set("late", manners);
    await world.writer.set("late", null);
    await world.pass(heartbeatMs);
    for (let fence = 0; fence < fences; fence++) {
      one.kv.break(failWith(new Error("cut off")));
      await world.pass(fenceMs);
      one.kv.break();
      await world.pass(2 * heartbeatMs);
    }
    assertEquals(one.of("session-fenced").length, fences);
    await collectGarbage();
    // The one of now, and the one under which the process that does not end was started.
    assert(sessions.left <= 2, `${sessions.left} sessions are left`);
    const late = one.bots.get("late");
    late?.up.resolve();
    late?.down.resolve();
    await world.pass(settleMs);
  });
}
