/** Instances that come and go on one file as they should: what they ran is handed over, and nothing is ended by force. */

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { delay } from "@std/async/delay";
import { place } from "../../src/cluster/placement.ts";
import { openFile } from "../kv/fixtures.ts";
import { keys, Member, pace } from "./members.ts";

/** How long anything may take that ought to be over within some heartbeats, in ms. */
const patienceMs = 30_000;
const slots = 256;

/** Waits until something is so. */
async function until(isSo: () => boolean, what: string): Promise<void> {
  const endsAt = performance.now() + patienceMs;
  while (!isSo()) {
    assert(performance.now() < endsAt, `it takes too long until ${what}`);
    await delay(10);
  }
}

/** Whether each member owns exactly the slots that it should, and every process runs in one of them. */
function isSettled(members: readonly Member[]): boolean {
  const snapshots = members.map(({ cluster }) => cluster.snapshot());
  const sessions = snapshots.map(({ session }) => session);
  if (!sessions.every((session) => session !== undefined)) return false;
  const owners = place(sessions, slots);
  const areOwned = snapshots.every(({ session, slots: { owned } }) =>
    owned.length === owners.filter((owner) => owner === session).length &&
    owned.every((slot) => owners[slot] === session)
  );
  return areOwned && JSON.stringify(runningIn(members).sort()) === JSON.stringify(keys.toSorted());
}

function runningIn(members: readonly Member[]): string[] {
  return members.flatMap(({ running }) => running);
}

/** Says for how long a process that came to a member had run nowhere, at most, in ms. */
function longestGapMs(from: readonly Member[], to: Member): number {
  const exits = from.flatMap(({ events }) => events.filter(({ type }) => type === "exited"))
    .sort((a, b) => a.at - b.at);
  const exitedAt = new Map(exits.map((event) => ["key" in event && event.key, event.at]));
  const gaps = to.events.flatMap((event) => event.type === "running" ? event.at - exitedAt.get(event.key)! : []);
  return Math.max(...gaps);
}

/** Runs a test over three members that have settled, and one handle for another one. */
async function withThree(test: (three: Member[], another: () => Member) => Promise<void>): Promise<void> {
  await using file = await openFile(4);
  const { kvs, path } = file;
  for (const key of keys) await kvs[0].set(["flushers", key], null);
  const members = kvs.slice(0, 3).map((kv) => new Member(kv, path));
  const another = () => {
    members.push(new Member(kvs[3], path));
    return members[3];
  };
  try {
    await until(() => isSettled(members), "three members have settled");
    await test(members.slice(), another);
  } finally {
    await Promise.all(members.map((member) => member.stop()));
  }
}

Deno.test("when one of three instances is stopped, its processes run elsewhere within 2 heartbeats", () =>
  withThree(async ([leaving, ...others]) => {
    const moving = leaving.running;
    assert(moving.length > 0);
    const askedAt = performance.now();
    const passedMs = () => Math.round(performance.now() - askedAt);
    const stopped = leaving.stop().then(passedMs);
    await until(() => new Set(moving).isSubsetOf(new Set(runningIn(others))), "its processes run elsewhere");
    const elsewhereMs = passedMs();
    await until(() => isSettled(others), "two members have settled");
    console.log(`stopped after ${await stopped} ms, elsewhere after ${elsewhereMs} ms, settled after ${passedMs()} ms`);
    assertLessOrEqual(elsewhereMs, 2 * pace.heartbeatMs);
    assertEquals([leaving, ...others].flatMap(({ mishaps }) => mishaps), []);
  }));

Deno.test("when a fourth instance joins, its share of the slots moves and no process is ended by force", () =>
  withThree(async (three, another) => {
    const claims = (members: readonly Member[]) =>
      members.flatMap(({ clusterEvents }) => clusterEvents.filter(({ type }) => type === "slot-claimed")).length;
    const before = claims(three);
    const askedAt = performance.now();
    const all = [...three, another()];
    await until(() => isSettled(all), "four members have settled");
    const moved = claims(all) - before;
    console.log(
      `${moved} of ${slots} slots moved, settled after ${Math.round(performance.now() - askedAt)} ms, ` +
        `no process was down for longer than ${longestGapMs(three, all[3])} ms`,
    );
    assertLessOrEqual(moved, slots * (1 / 4 + 1 / 10));
    assertEquals(all.flatMap(({ mishaps }) => mishaps), []);
    assert(three.some(({ flushes }) => flushes.length > 0));
  }));
