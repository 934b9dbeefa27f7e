/**
 * The options of a cluster: defaults and checks.
 *
 * @module
 */

import { assertOptions, checkClock, checkFunction, checkShape, checkWhole } from "../check.ts";
import { type Clock, maxTimerMs, systemClock } from "../clock.ts";
import { readEnvironment } from "../kv/environment.ts";
import { Keyspace } from "../kv/keyspace.ts";
import { guessWatchSees, type WatchSees } from "../kv/watch_sees.ts";
import { maxSlots } from "./placement.ts";
import { copyPlainData } from "./plain_data.ts";
import { maxRevision } from "./records.ts";

/** Options of {@linkcode Cluster}. All durations are in ms. Instances that share a prefix need the same `slots`. */
export interface ClusterOptions {
  /**
   * Where the records of the cluster live: below `["@pact/supervisor", prefix]`, with the text of the prefix as one part.
   * Instances with the same prefix are one cluster. At most 1 024 bytes; it is copied.
   *
   * Two programs on one database need a prefix each: the instances of one cluster divide up the keys of all its tables, so that a
   * key of one program would be given to an instance of the other, and run nowhere. Nothing tells you of that.
   *
   * @default {["cluster"]}
   */
  readonly prefix?: Deno.KvKey;
  /**
   * The path or URL that the database was opened with; left out when `Deno.openKv()` had none. `run` opens it a second time
   * for a moment, to see whether others can.
   */
  readonly path?: string;
  /**
   * Whose writes `kv.watch` of this database tells of. With `"everybody"`, slots that become free are noticed by the watch
   * alone; with `"this process"` a record is read five times in a heartbeat as well, since on one file a watch does not see
   * other OS processes. A wrong guess costs latency or money, never correctness.
   *
   * @default {"everybody"} if `path` is a URL, or left out under `DENO_DEPLOYMENT_ID`; otherwise `"this process"`
   */
  readonly watchSees?: WatchSees;
  /**
   * The version of the program that this instance is. Once an instance of a newer revision has proven itself, what older ones
   * leave goes to the newer one. Newer is the one that came later: no text is compared. At most 200 characters.
   *
   * @default {Deno.env.get("DENO_DEPLOYMENT_ID")} where the environment can be read without a prompt; otherwise `""`
   */
  readonly revision?: string;
  /**
   * What this instance shows of itself to all others, for example `{ url, region }`: plain data as JSON can say it, at most
   * 1 KiB of that. It is copied.
   */
  readonly info?: unknown;
  /**
   * Whether a database that only this program can see will do, as in tests.
   *
   * @default {false}
   */
  readonly allowLocal?: boolean;
  /**
   * The timeline that may join, for example `"production"`. An instance of Deno Deploy on another one, a preview or a
   * branch, stays out and runs nothing. Without `DENO_TIMELINE` in the environment the option does nothing.
   */
  readonly timeline?: string;
  /**
   * How often the record of a session is rewritten and those of the others are read, at least 10 ms.
   *
   * @default {5_000}
   */
  readonly heartbeatMs?: number;
  /**
   * After how long without a heartbeat others declare a session dead, at least three heartbeats. It gives itself up, and
   * aborts its processes, after two thirds of that: those that take longer than the last third to end then may still
   * execute while others run already.
   *
   * @default {15_000}
   */
  readonly ttlMs?: number;
  /**
   * Into how many slots the keys are divided, from 1 to 4 096. A slot is what moves between instances, so there should be
   * many for each; each costs a row to read whenever ownership changes, and to place all 4 096 among 100 sessions blocks the event loop
   * for about 10 ms when one joins or leaves.
   *
   * @default {256}
   */
  readonly slots?: number;
  /**
   * What an instance does when it is to join others that it cannot work with: those with other `slots`, or of a version with
   * another format of records. With `"wait"` it stays out, without a record, until they are gone, and says so in an event now
   * and then; with `"fail"` its `run` rejects with `ClusterMismatchError`. One that was a member and joins again, after it was
   * fenced, waits in either case. So other `slots` take effect when all instances with the former ones have stopped.
   *
   * @default {"wait"}
   */
  readonly onMismatch?: "wait" | "fail";
  /**
   * What the heartbeats are timed by. Under `FakeTime` of `@std/testing/time` the default will do.
   *
   * @default {systemClock}
   */
  readonly clock?: Clock;
  /**
   * Chance, for the pauses before something is tried again: returns a number from 0 up to 1.
   *
   * @default {Math.random}
   */
  readonly random?: () => number;
  /**
   * Makes the id of a session: 1 to 64 hexadecimal digits and dashes, never the same one twice.
   *
   * @default {crypto.randomUUID}
   */
  readonly newId?: () => string;
}

/** The options with every default filled in. */
export interface ClusterSettings extends Required<Omit<ClusterOptions, "path" | "timeline" | "info">> {
  readonly path: string | undefined;
  readonly timeline: string | undefined;
  readonly info: unknown;
}

/** The most bytes of what an instance shows of itself. */
const maxInfoBytes = 1_024;

/** What a session lives for, in heartbeats, at least: fewer would fence it for one that is lost. */
const minHeartbeatsPerTtl = 3;

/**
 * Fills the defaults in and checks every value and their relations.
 *
 * @param options What the user gave.
 * @returns The settings.
 * @throws {TypeError} When a value has a wrong shape.
 * @throws {RangeError} When a number is out of range, or two do not fit together.
 */
export function checkOptions(options: ClusterOptions): ClusterSettings {
  assertOptions("a cluster", options);
  const { clock = systemClock, random = Math.random } = options;
  const { path, timeline, allowLocal = false, newId = () => crypto.randomUUID() } = options;
  const { prefix } = new Keyspace(options.prefix ?? ["cluster"]);
  const { onMismatch = "wait", revision = readEnvironment("DENO_DEPLOYMENT_ID") ?? "" } = options;
  checkClock(clock);
  checkFunction("random", random);
  checkFunction("newId", newId);
  checkShape("path", "a string", path, path === undefined || typeof path === "string");
  const { watchSees = guessWatchSees(path) } = options;
  const isKnown = watchSees === "everybody" || watchSees === "this process";
  checkShape("watchSees", '"everybody" or "this process"', watchSees, isKnown);
  checkShape("onMismatch", '"wait" or "fail"', onMismatch, onMismatch === "wait" || onMismatch === "fail");
  checkShape("timeline", "a string", timeline, timeline === undefined || typeof timeline === "string");
  const isRevision = typeof revision === "string" && revision.length <= maxRevision;
  checkShape("revision", `a string of at most ${maxRevision} characters`, revision, isRevision);
  const info = copyPlainData("info", options.info, maxInfoBytes);
  checkShape("allowLocal", "a boolean", allowLocal, typeof allowLocal === "boolean");
  const heartbeatMs = checkWhole("heartbeatMs", options.heartbeatMs ?? 5_000, 10, maxTimerMs);
  const ttlMs = checkWhole("ttlMs", options.ttlMs ?? 15_000, 30, maxTimerMs);
  if (ttlMs < minHeartbeatsPerTtl * heartbeatMs) {
    throw new RangeError(
      `Cannot use the option ttlMs: it must be at least ${minHeartbeatsPerTtl} times heartbeatMs, ` +
        `current values are ${ttlMs} and ${heartbeatMs}`,
    );
  }
  const slots = checkWhole("slots", options.slots ?? 256, 1, maxSlots);
  const places = { prefix, path, watchSees, timeline, allowLocal };
  return { ...places, revision, info, onMismatch, clock, random, newId, heartbeatMs, ttlMs, slots };
}
