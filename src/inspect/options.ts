/**
 * What an inspector looks at, and how.
 *
 * @module
 */

import { checkArgument, checkClock, checkFunction, checkLimit, checkShape, hasMethods, isObject } from "../check.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { KvTable, PageOptions, TroublesOptions } from "../kv/mod.ts";
import type { PausedKey, PauseOptions } from "../pause.ts";
import type { Runnable } from "../process/runnable.ts";
import type { CallOptions, Supervisor } from "../supervisor/supervisor.ts";
import type { Entry } from "../table/table.ts";
import type { Trouble, TroubledKey } from "../table/trouble.ts";
import type { Authorize } from "./authorize.ts";

/** What an inspector uses of a supervisor. */
export type InspectedSupervisor<K> = Pick<
  Supervisor<K, Runnable>,
  "abandon" | "ensure" | "restart" | "snapshot" | "status" | "subscribe" | "summary"
>;

/** What an inspector uses of a cluster. */
export type InspectedCluster =
  & Pick<Cluster, "countBy" | "sessionOf" | "snapshot" | "subscribe">
  & Partial<Pick<Cluster, "observeCalls">>;

/** What an inspector uses of a table. Whatever is optional is shown, or can be done, only if the table has it. */
export interface InspectedTable<K> {
  /** Looks up one entry. */
  get(key: K, options?: CallOptions): Promise<Entry<K, unknown> | undefined>;
  /** Yields every entry. */
  [Symbol.asyncIterator](): AsyncIterator<Entry<K, unknown>>;
  /** The table of all instances, if this one is that of one instance. */
  readonly whole?: InspectedTable<K>;
  /** Reads one page, in the order of Deno KV. */
  page?(options: PageOptions<K>): Promise<{ readonly entries: readonly Entry<K, unknown>[]; readonly next?: K }>;
  /** Lists what is paused. */
  pauses?(options?: CallOptions): Iterable<PausedKey<K>> | AsyncIterable<PausedKey<K>>;
  /** Lists the keys that are not well. */
  troubles?(options?: TroublesOptions): Iterable<TroubledKey<K>> | AsyncIterable<TroubledKey<K>>;
  /** Replaces the process of a key. */
  restart?(key: K): boolean | Promise<boolean>;
  /** Restarts every key in a state of trouble. */
  restartAll?(options: { readonly state: Trouble["state"] }): number | Promise<number>;
  /** Pauses a key. */
  pause?(key: K, options?: PauseOptions): boolean | Promise<boolean>;
  /** Ends the pause of a key. */
  resume?(key: K): boolean | Promise<boolean>;
  /** Pauses the whole table. */
  pauseAll?(options?: PauseOptions): boolean | Promise<boolean>;
  /** Ends the pause of the whole table. */
  resumeAll?(): boolean | Promise<boolean>;
  /** Tells of each call to the database. */
  readonly observeCalls?: KvTable<string, unknown>["observeCalls"];
}

/**
 * Options of `inspect`. What only a supervisor, a cluster or a table could tell is not told without it.
 */
export interface InspectOptions<K> {
  /** The supervisor of this instance. */
  readonly supervisor?: InspectedSupervisor<K>;
  /** The cluster of this instance: with it, all instances are seen. */
  readonly cluster?: InspectedCluster;
  /** The table, or what `own` has returned: with it, keys of other instances are seen and can be acted on. */
  readonly table?: InspectedTable<K>;
  /** Decides what a request may see and do: `bearer`, `basic`, `anyone`, or a function of your own. */
  readonly authorize: Authorize;
  /**
   * What the program is called, for people.
   *
   * @default {"supervisor"}
   */
  readonly title?: string;
  /**
   * Whether specs are shown, which may hold secrets, or what makes of one what may be shown.
   *
   * @default {false}
   */
  // deno-lint-ignore no-explicit-any -- only the caller knows what specs are
  readonly showSpec?: boolean | ((spec: any, key: K) => unknown);
  /** Ends the subscriptions and the open event streams. Abort it when the stop of the program begins: a server waits for them. */
  readonly signal?: AbortSignal;
  /**
   * For how long a key that is to run may not run before `health` warns, in ms.
   *
   * @default {60_000}
   */
  readonly graceMs?: number;
  /**
   * For how long the table may be out of reach before `health` fails, in ms.
   *
   * @default {60_000}
   */
  readonly unreachableMs?: number;
  /**
   * Dates what is shown.
   *
   * @default {systemClock}
   */
  readonly clock?: Clock;
}

/** Checked options, and the table of all instances. */
export type InspectSettings<K> =
  & InspectOptions<K>
  /** Whether there may be other instances. */
  & { readonly isShared: boolean }
  & Required<Pick<InspectOptions<K>, "title" | "showSpec" | "signal" | "graceMs" | "unreachableMs" | "clock">>;

/**
 * Checks the options.
 *
 * @throws {TypeError} If one has a wrong shape.
 * @throws {RangeError} If a number is out of range.
 */
export function checkOptions<K>(options: InspectOptions<K>): InspectSettings<K> {
  checkArgument("inspect", "the options are an object", options, isObject(options));
  const { supervisor, cluster, table, authorize, title = "supervisor", showSpec = false } = options;
  const { signal = new AbortController().signal, graceMs = 60_000, unreachableMs = 60_000, clock = systemClock } =
    options;
  const rule = "a function, for example bearer(token), basic(user, password) or anyone(): what is open must be said";
  checkShape("authorize", rule, typeof authorize, typeof authorize === "function"); // a text may be the secret
  const has = (value: unknown, ...methods: PropertyKey[]) => value === undefined || hasMethods(value, ...methods);
  checkShape("supervisor", "a Supervisor", supervisor, has(supervisor, "status", "subscribe", "summary"));
  checkShape("cluster", "a Cluster", cluster, has(cluster, "snapshot", "subscribe", "sessionOf", "countBy"));
  checkShape("table", "a table", table, has(table, "get", Symbol.asyncIterator));
  checkShape("title", "a string", title, typeof title === "string");
  if (typeof showSpec !== "boolean") checkFunction("showSpec", showSpec);
  checkShape("signal", "an AbortSignal", signal, has(signal, "addEventListener", "throwIfAborted"));
  checkClock(clock);
  checkLimit("graceMs", graceMs);
  checkLimit("unreachableMs", unreachableMs);
  const whole = table?.whole, isShared = cluster !== undefined || whole !== undefined;
  const told = { authorize, title, showSpec, signal, clock, graceMs, unreachableMs };
  return { supervisor, cluster, table: whole ?? table, isShared, ...told };
}
