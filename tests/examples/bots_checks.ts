/**
 * What must be true of the calls that a messenger got from instances that were killed, held up, stopped and replaced.
 *
 * @module
 */

import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import type { Instance } from "./bots_instance.ts";
import { type Call, type RecordingMessenger, retryAfterMs } from "./bots_messenger.ts";

/** As the example has them, in ms. */
const livenessMs = 3_000, stopTimeoutMs = 4_000, longestDelayMs = 8_000;
/** The time to live of a session and two heartbeats, in ms. */
const takeOverMs = 5_000;
/** How late a machine under load may be, in ms. */
const slackMs = 1_500;
/** How long it may take from an answer to what is written because of it, in ms. */
const writingMs = 500;

/** What happened, and who took part. */
export interface Course {
  readonly messenger: RecordingMessenger;
  readonly instances: readonly Instance[];
  readonly endedAt: number;
}

type Named = ReadonlyMap<string, Instance>;
const byName = ({ instances }: Course): Named => new Map(instances.map((instance) => [instance.name, instance]));

/** What happened to a tenant: the polls with its token, and what the instances have printed of it. */
function story({ messenger, instances }: Course, token: string): string {
  const polls = messenger.calls.filter((call) => call.token === token && call.what === "messages");
  const lines = instances.flatMap(({ name, lines }) =>
    lines.filter((line) => line.includes(`"${token}"`) || / table: |session|failed: /.test(line)).map((line) =>
      `${name} ${line}`
    )
  );
  return [...polls.map((poll) => JSON.stringify(poll)), ...lines].join("\n");
}

/** Checks that a token that is refused is tried once, and once for each time that an instance took the tenant over. */
export function assertRefusedAreTriedOncePerOwner(course: Course): string {
  let tries = 0;
  for (const [token, polls] of course.messenger.polls("revoked")) {
    for (const instance of course.instances) {
      const own = polls.filter((poll) => poll.instance === instance.name).length;
      assertLessOrEqual(own, 1 + instance.movesOf(token), `${instance.name} tried too often:\n${story(course, token)}`);
      tries += own;
    }
  }
  return `${tries} tries of refused tokens`;
}

/** Checks that what is throttled is not tried before its time. An instance that is lost with the answer cannot pass it on. */
export function assertThrottledAreNotTriedEarly(course: Course): string {
  const instances = byName(course), waits: number[] = [];
  for (const polls of course.messenger.polls("busy").values()) {
    for (const [i, poll] of polls.entries()) {
      const next = polls[i + 1], from = poll.endedAt;
      if (poll.status !== 429 || !next) continue;
      if (instances.get(poll.instance)?.isHarmed(from, from + writingMs)) continue;
      assertGreaterOrEqual(
        next.at - from,
        retryAfterMs - 10,
        `${poll.token} was tried early:\n${story(course, poll.token)}`,
      );
      waits.push(next.at - from);
    }
  }
  assert(waits.length > 0, "nothing was throttled");
  return `${waits.length} waits of throttled tenants, ${Math.min(...waits)} to ${Math.max(...waits)} ms`;
}

/** Checks that a bot that is not answered is given up in time, and that another one follows. */
export function assertDeafAreReplaced(course: Course): string {
  const instances = byName(course), given: number[] = [], mostMs = livenessMs + stopTimeoutMs;
  for (const polls of course.messenger.polls("deaf").values()) {
    for (const [i, poll] of polls.entries()) {
      if (!poll.hasGivenUp || instances.get(poll.instance)?.isHarmed(poll.at, poll.endedAt)) continue;
      given.push(poll.endedAt - poll.at);
      assertLessOrEqual(poll.endedAt - poll.at, mostMs + slackMs, `it was held on to:\n${story(course, poll.token)}`);
      const next = polls[i + 1];
      const dueAt = poll.endedAt + longestDelayMs * 1.2 + takeOverMs + slackMs;
      if (next) assertLessOrEqual(next.at, dueAt, `it was replaced late:\n${story(course, poll.token)}`);
      else assert(dueAt > course.endedAt, `it was not replaced:\n${story(course, poll.token)}`);
    }
  }
  assert(given.length > 0, "none was deaf");
  return `${given.length} deaf polls, given up after ${Math.max(...given)} ms at most`;
}

/** Checks that no instance polls for a tenant that is paused. */
export function assertPausedIsNotPolled(course: Course, token: string, from: number): string {
  const late = course.messenger.calls.filter((call) => call.token === token && call.at > from);
  assertEquals(late, [], `${token} is paused`);
  return `${token} paused for ${Math.round((course.endedAt - from) / 1_000)} s`;
}

/**
 * Checks that an answer that was begun is given once, by the instance that began it. If that was killed or held up, or could not
 * write down what it has answered, it is begun again: no message is passed over. One that was held up may give its answer late.
 */
export function assertWorkInFlightEnds(course: Course): string {
  const instances = byName(course), { calls } = course.messenger;
  const id = ({ token, message }: Call) => `${token} ${message}`;
  const replies = Map.groupBy(calls.filter(({ what }) => what === "reply"), id);
  const isHarmed = ({ instance }: Call) => instances.get(instance)?.harmed.length !== 0;
  const hasLost = ({ instance, token }: Call) => instances.get(instance)?.hasLostWrites(token);
  const begun = calls.filter(({ what }) => what === "typing");
  for (const call of begun) {
    if (isHarmed(call) || hasLost(call)) continue;
    const by = replies.get(id(call))?.filter((reply) => !isHarmed(reply)).map(({ instance }) => instance);
    assertEquals(by, [call.instance], `the answers to ${id(call)}:\n${story(course, call.token)}`);
  }
  for (const poll of calls.filter(({ what, message }) => what === "messages" && message > 0)) {
    assert(replies.has(id(poll)), `${id(poll)} was passed over`);
  }
  const inFlight = course.instances.filter(({ harmed }) => harmed.length === 0).length;
  return `${begun.length} answers begun, ${replies.size} messages answered; ${inFlight} instances ended with SIGINT`;
}
