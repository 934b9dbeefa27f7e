/**
 * The options of a table in Deno KV: defaults and checks.
 *
 * @module
 */

import {
  assertOptions,
  checkArgument,
  checkClock,
  checkFunction,
  checkShape,
  checkWhole,
  hasMethods,
} from "../check.ts";
import { type Clock, maxTimerMs, systemClock } from "../clock.ts";
import type { Runnable } from "../process/runnable.ts";
import type { EntryOptions } from "../table/entry_options.ts";
import type { KvTableContext } from "./context.ts";
import { Keyspace, type KvTableKey } from "./keyspace.ts";
import type { SpecSchema } from "./schema.ts";
import { guessWatchSees, type WatchSees } from "./watch_sees.ts";

/** Options of {@linkcode KvTable}. All durations are in ms and at most 2 147 483 647, the longest timer. */
export interface KvTableOptions<K extends KvTableKey, Spec, P extends Runnable = Runnable, Input = Spec> {
  /** Where the entries live: each at `[...prefix, key]`, with the spec as a plain value. At most 1 024 bytes; it is copied. */
  readonly prefix: Deno.KvKey;
  /**
   * Builds the runnable of an entry when it is about to start.
   *
   * @param spec The stored value, as the schema returns it.
   * @param key The key of the entry.
   * @param context The claim, if the process runs in a cluster.
   */
  readonly create: (spec: Spec, key: K, context: KvTableContext) => P | Promise<P>;
  /**
   * Validates what is written and what is read. What is written is stored as it is given, the schema's input; `create` gets
   * the schema's output, made afresh at each start, so a new default applies to what is stored already. A stored value that
   * fails the schema fails only its own entry.
   */
  readonly schema?: SpecSchema<Spec, Input>;
  /**
   * Tells how the process of an entry is treated, where that differs from the options of the supervisor. It is asked at each
   * start, within the start-up's time; what it gives holds for that life. What it throws, and a wrong option, fails only its
   * own entry.
   *
   * @param spec The stored value, as the schema returns it.
   * @param key The key of the entry.
   *
   * @example A plan that pays for patience
   * ```ts
   * import { nop, Supervisor } from "@pact/supervisor";
   * import { KvTable } from "@pact/supervisor/kv";
   * import { assertEquals } from "@std/assert";
   *
   * using kv = await Deno.openKv(":memory:");
   * const table = new KvTable(kv, {
   *   prefix: ["bots"],
   *   create: (_plan: string, _key: string) => nop,
   *   options: (plan) => plan === "free" ? { restart: { limit: 3 } } : {},
   * });
   * await table.set("acme", "free");
   * const supervisor = new Supervisor(table);
   * await supervisor.run(() => assertEquals(supervisor.keys(), ["acme"]));
   * ```
   */
  readonly options?: (spec: Spec, key: K) => EntryOptions | Promise<EntryOptions>;
  /**
   * Tells the time and sets timers.
   *
   * @default {systemClock}
   */
  readonly clock?: Clock;
  /**
   * How long one call to the database may take, and how long the schema.
   *
   * @default {10_000}
   */
  readonly timeoutMs?: number;
  /**
   * How many entries are read at once, from 1 to 1 000. Each batch is one consistent state.
   *
   * @default {500}
   */
  readonly batchSize?: number;
  /**
   * The path or URL that the database was opened with; left out when `Deno.openKv()` had none. While a database at a URL does
   * not answer, the server is asked by `fetch` whether it is back, if the program may call it.
   */
  readonly path?: string;
  /**
   * Whose changes a watch of the database sees. Of everybody, on Deno Deploy and over KV Connect: then `changes` waits for
   * the watch and polls now and then, as every reading is billed. Of this OS process only, on a file: then it polls often. A
   * wrong answer costs time or money, and loses no change.
   *
   * @default {"everybody"} if `path` is a URL, or if there is none and `DENO_DEPLOYMENT_ID` is set and may be read; otherwise
   * "this process".
   */
  readonly watchSees?: WatchSees;
  /**
   * How often `changes` looks for what its watch has not told of.
   *
   * @default {200} or, where a watch sees everybody, 30 000, a tenth more or less.
   */
  readonly pollMs?: number;
  /**
   * How often a supervisor without an `intervalMs` passes over the whole table, a tenth more or less. Only what is written
   * with `kv.set` directly, and not announced with `touch`, waits for that.
   *
   * @default {900_000}
   */
  readonly sweepMs?: number;
  /**
   * How long a change is kept for readers of `changes`. A reader that comes later looks at everything.
   *
   * @default {3_600_000}
   */
  readonly logRetentionMs?: number;
  /**
   * Randomness for pauses and polls: returns a number from 0 up to, but not including, 1.
   *
   * @default {Math.random}
   */
  readonly random?: () => number;
}

/** The options with every default filled in. */
export interface KvTableSettings<K extends KvTableKey, Spec, P extends Runnable>
  extends Required<Omit<KvTableOptions<K, Spec, P>, "prefix" | "schema" | "options" | "path">> {
  readonly keys: Keyspace;
  readonly path: string | undefined;
  readonly schema: SpecSchema<Spec, unknown> | undefined;
  readonly options: KvTableOptions<K, Spec, P>["options"];
}

/** How often changes are polled by default, in ms. */
export const defaultPollMs: Readonly<Record<WatchSees, number>> = { "everybody": 30_000, "this process": 200 };

/**
 * Checks that a value is a database, by the methods that are called on it.
 *
 * @param purpose What the database is for, to be read after "Cannot make".
 * @throws {TypeError} If it lacks one of them.
 */
export function assertKv(kv: unknown, purpose: string): asserts kv is Deno.Kv {
  const isOpen = hasMethods(kv, "atomic", "get", "list");
  checkArgument(`make ${purpose}`, "kv must be an open Deno.Kv", kv, isOpen);
}

/**
 * Fills in the defaults and checks every value.
 *
 * @throws {TypeError} If a value has the wrong shape.
 * @throws {RangeError} If a number is out of range.
 */
export function checkOptions<K extends KvTableKey, Spec, P extends Runnable, Input>(
  options: KvTableOptions<K, Spec, P, Input>,
): KvTableSettings<K, Spec, P> {
  assertOptions("a table", options);
  const { create, schema, options: own, path, clock = systemClock, random = Math.random } = options;
  const keys = new Keyspace(options.prefix);
  checkFunction("create", create);
  if (own !== undefined) checkFunction("options", own);
  const validates = schema === undefined || hasMethods(schema?.["~standard"], "validate");
  checkShape("schema", "a Standard Schema", schema, validates);
  checkClock(clock);
  checkFunction("random", random);
  checkShape("path", "a string", path, path === undefined || typeof path === "string");
  const watchSees = options.watchSees ?? guessWatchSees(path);
  const isKnown = watchSees === "everybody" || watchSees === "this process";
  checkShape("watchSees", '"everybody" or "this process"', watchSees, isKnown);
  return {
    keys,
    create,
    schema,
    options: own,
    path,
    clock,
    random,
    timeoutMs: checkWhole("timeoutMs", options.timeoutMs ?? 10_000, 1, maxTimerMs),
    batchSize: checkWhole("batchSize", options.batchSize ?? 500, 1, 1_000),
    watchSees,
    pollMs: checkWhole("pollMs", options.pollMs ?? defaultPollMs[watchSees], 1, maxTimerMs),
    sweepMs: checkWhole("sweepMs", options.sweepMs ?? 900_000, 1, maxTimerMs),
    logRetentionMs: checkWhole("logRetentionMs", options.logRetentionMs ?? 3_600_000, 1, maxTimerMs),
  };
}
