/**
 * What follows when the table says what it has of a key: a row of a pass, or the answer to a look.
 *
 * ```text
 *   an entry ──▶ paused? ──▶ the process ends, and none starts       (pausing.ts)
 *                  │ no
 *                  ├──▶ another version ──▶ the process is replaced
 *                  ├──▶ nothing runs, and nothing is known here ──▶ goes on from what the table remembers, or starts
 *                  ╰──▶ otherwise all is as it should be
 *   no entry ──▶ the process ends, and the key is forgotten
 *   a failure ──▶ nothing is stopped; what was to start is tried again
 * ```
 *
 * @module
 */

import { ProcessNotFoundError } from "../errors.ts";
import type { StartCause } from "../events.ts";
import { pauseAt } from "../pause.ts";
import type { Runnable } from "../process/runnable.ts";
import type { Absence, Entry } from "../table/table.ts";
import type { Trouble } from "../table/trouble.ts";
import type { Keeper } from "./keeper.ts";
import { Pausing } from "./pausing.ts";

/** The table has this entry, and no process of the key is here. Returns whether it is about to start. */
export function added<K, P extends Runnable>(keeper: Keeper<K, P>, entry: Entry<K, P>, cause: StartCause): boolean {
  if (isPaused(keeper, entry)) return false;
  goOnFrom(keeper, entry);
  const waits = keeper.backoff?.waits() ?? false;
  if (waits) keeper.settled(false);
  else keeper.enqueue(entry, cause);
  return !waits;
}

/** The table has this entry. Returns whether a process is replaced because of it. */
export function found<K, P extends Runnable>(keeper: Keeper<K, P>, entry: Entry<K, P>, cause: StartCause): boolean {
  const isChanged = !Object.is(entry.version, keeper.version);
  if (!isChanged && keeper.running && entry.pause === undefined) return false;
  if (isPaused(keeper, entry)) return false;
  keeper.isRemoved = false;
  const { attempt, registry, key } = keeper;
  if (attempt) keeper.entry = entry; // for a start that follows
  if (isChanged && attempt?.isWanted) {
    registry.emit({ type: "replaced", at: registry.clock.now(), key, version: entry.version });
    keeper.next = "change";
    attempt.stop();
    return true;
  }
  if (attempt?.isAsked) keeper.next ??= cause;
  else if (attempt && isChanged) keeper.next = "change"; // too late in its start-up: the new version need not wait for a retry
  else if (attempt) return false; // as it should be; or too late in its start-up, and its exit decides
  else if (keeper.phase === "looking") keeper.attemptAt(entry);
  else if (keeper.phase === "queued") keeper.entry = entry;
  else if (keeper.phase === "asking" || keeper.phase === "paused") added(keeper, entry, "change");
  else if (isChanged) enqueueNow(keeper, entry, "change");
  else if (keeper.phase === "retrying" && registry.run?.lookups.holds(key)) enqueueNow(keeper, entry, cause);
  return false;
}

/** The table has no such entry for this supervisor. */
export function missing<K, P extends Runnable>(keeper: Keeper<K, P>, absence: Absence | undefined): void {
  const { attempt, registry, key, phase } = keeper, cause = absence ? absence.cause : "deleted";
  const isNew = !keeper.hadAttempt && !keeper.pausing && (phase === "looking" || phase === "asking");
  keeper.backoff?.removed();
  keeper.next = keeper.pausing = undefined;
  if (!isNew && !keeper.isRemoved) registry.emit({ type: "removed", at: registry.clock.now(), key, cause });
  keeper.isRemoved = true;
  const makeError = () => absence?.error ?? new ProcessNotFoundError("start", key, "the table has no such key");
  if (!attempt) return keeper.vanish(makeError, keeper.isLookedAtAgain);
  keeper.failUp(makeError);
  attempt.stop();
}

/** The table could not say anything. */
export function lookFailed<K, P extends Runnable>(keeper: Keeper<K, P>, error: unknown, isOutdated: boolean): void {
  const { registry, phase } = keeper, isStarting = phase === "looking" && !isOutdated;
  // A caller who waits is told by the call; otherwise an event tells it.
  if (!(isStarting && keeper.failUp(() => error))) {
    registry.tableFailed("get", error);
    registry.run?.reconciler.hurry();
  }
  if (isStarting) keeper.settled(true);
  if (isStarting && keeper.pausing) keeper.pausing.settle();
  else if (isStarting && keeper.hadAttempt) keeper.failed.again(registry.clock.now());
  else if (isStarting || (phase === "asking" && !isOutdated)) keeper.vanish(() => error, keeper.isLookedAtAgain);
}

/** Whether an entry is not to run for now. Then the process of the key ends, if there is one, and none starts. */
export function isPaused<K, P extends Runnable>(keeper: Keeper<K, P>, entry: Entry<K, P>): boolean {
  if (entry.pause === undefined && keeper.pausing === undefined) return false; // as most of the time
  const { registry, attempt } = keeper, pause = pauseAt(entry.pause, registry.clock.now());
  if (!pause) {
    if (keeper.pausing) resume(keeper, keeper.pausing, entry.version);
    return false;
  }
  const pausing = keeper.pausing ??= new Pausing(registry, keeper, pause);
  pausing.pause = pause;
  keeper.isRemoved = false;
  keeper.next = keeper.entry = undefined;
  if (!Object.is(entry.version, keeper.version)) keeper.backoff?.end(entry.version);
  keeper.failUp(pausing.makeError);
  if (attempt) {
    attempt.stop();
  } else {
    keeper.settled(false);
    pausing.settle();
  }
  return true;
}

/** Goes on from what is remembered of a version that is not kept here, and returns it: what was left here is newer than the table's. */
export function goOnFrom<K, P extends Runnable>(keeper: Keeper<K, P>, entry: Entry<K, P>): Trouble | undefined {
  if ((keeper.backoff || keeper.hadAttempt) && Object.is(entry.version, keeper.version)) return undefined;
  const { trouble } = entry, left = keeper.registry.reports.takeUp(keeper.key, entry);
  if (!left && (!trouble || trouble.endedAt !== undefined)) return undefined;
  keeper.version = entry.version;
  if (left) keeper.failed.takeUp(left);
  else if (trouble) keeper.failed.goOnFrom(trouble, entry.version);
  return left ? left.trouble : trouble;
}

function resume<K, P extends Runnable>(keeper: Keeper<K, P>, pausing: Pausing<K, P>, version: unknown): void {
  keeper.pausing = undefined;
  const before = pausing.end(version);
  if (before && keeper.phase === "paused") keeper.enter(before, keeper.registry.clock.now());
  else if (before === "parked") keeper.backoff?.unpark("call"); // a call has found that the pause is over
}

/** Another version takes the place of what waits, rests or is parked; another supervisor may have run it already. */
function enqueueNow<K, P extends Runnable>(keeper: Keeper<K, P>, entry: Entry<K, P>, cause: StartCause): void {
  if (keeper.backoff?.wake("change")) return; // the brake is on
  if (!goOnFrom(keeper, entry) || !keeper.backoff?.waits()) keeper.enqueue(entry, cause);
}
