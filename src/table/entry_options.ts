/**
 * How one key is treated, where that differs from how the supervisor treats all.
 *
 * @module
 */

import { assertOptions, checkLimit, checkNumber, checkShape, isObject } from "../check.ts";
import { maxTimerMs } from "../clock.ts";
import { checkRestart, defaultRestartPolicy, type RestartOptions, type RestartPolicy } from "../restart.ts";

/**
 * How the process of a key is treated. All durations are in ms and at most 2 147 483 647, the longest timer. Given to a
 * supervisor they hold for every key; given for an entry they override those of the supervisor field by field, those of
 * `restart` too.
 *
 * @example A tenant whose server is slow
 * ```ts
 * import { type EntryOptions, MapTable, nop, Supervisor } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const patient: EntryOptions = { startTimeoutMs: 300_000, restart: { maxDelayMs: 600_000 } };
 * const table = new MapTable([["acme", nop]]);
 * table.set("globex", nop, patient);
 * const supervisor = new Supervisor(table, { startTimeoutMs: 10_000 });
 * await supervisor.run(() => assertEquals(supervisor.keys(), ["acme", "globex"]));
 * ```
 */
export interface EntryOptions {
  /** When and how often to restart what has exited. */
  readonly restart?: RestartOptions;
  /**
   * How long a start-up may take, the build of the runnable included, before the run is aborted and counts as failed;
   * `Infinity` for no limit.
   *
   * @default {60_000}
   */
  readonly startTimeoutMs?: number;
  /**
   * How long a process may take to stop before its signal aborts, and then as long again before it is stuck.
   *
   * @default {4_000}
   */
  readonly stopTimeoutMs?: number;
  /**
   * For how long a running process may be silent: when it has not called `alive` for that long, or never did, it is aborted and
   * fails with a `ProcessSilentError`. The count begins when it is running; while the event loop is blocked or the machine
   * sleeps it stands still. `Infinity` for no limit.
   *
   * @default {Infinity}
   */
  readonly livenessMs?: number;
  /**
   * What becomes of a process that is stuck. `"keep"`: it keeps its key until it ends. `"abandon"`: its key is free and starts
   * again, and the process may go on for ever beside the new one. It loses its lease, so that in a cluster what it writes under
   * its claim is refused; a check of the claim that it took before, and what it does elsewhere, cannot be taken back. While three
   * abandoned lives of a key go on, it keeps it all the same.
   *
   * @default {"keep"}
   */
  readonly onStuck?: "keep" | "abandon";
}

/** The same with every default filled in. */
export interface LifeSettings {
  readonly restart: RestartPolicy;
  /** `Infinity` for no limit. */
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  /** `Infinity` for no limit. */
  readonly livenessMs: number;
  readonly onStuck: "keep" | "abandon";
}

const defaultLifeSettings: LifeSettings = {
  restart: defaultRestartPolicy,
  startTimeoutMs: 60_000,
  stopTimeoutMs: 4_000,
  livenessMs: Infinity,
  onStuck: "keep",
};

/**
 * Fills in what is not given and checks every value and their relations.
 *
 * @param options What the user gave.
 * @param defaults Takes the place of what is absent.
 * @returns The settings.
 * @throws {TypeError} When a value has a wrong shape.
 * @throws {RangeError} When a number is out of range, or two do not fit together.
 */
export function checkLife(options: EntryOptions, defaults: LifeSettings = defaultLifeSettings): LifeSettings {
  const { restart, startTimeoutMs = defaults.startTimeoutMs, stopTimeoutMs = defaults.stopTimeoutMs } = options;
  const { livenessMs = defaults.livenessMs, onStuck = defaults.onStuck } = options;
  checkShape("onStuck", '"keep" or "abandon"', onStuck, onStuck === "keep" || onStuck === "abandon");
  return {
    restart: restart === undefined ? defaults.restart : checkRestart(restart, defaults.restart),
    startTimeoutMs: checkLimit("startTimeoutMs", startTimeoutMs),
    stopTimeoutMs: checkNumber("stopTimeoutMs", stopTimeoutMs, 0, maxTimerMs),
    livenessMs: checkLimit("livenessMs", livenessMs),
    onStuck,
  };
}

/**
 * Checks the options of one key. Whether a delay fits to one that only the supervisor knows is seen at its start.
 *
 * @param options What the user gave.
 * @returns A copy, which a change of what was given does not reach.
 * @throws {TypeError} When a value has a wrong shape, or a name is unknown.
 * @throws {RangeError} When a number is out of range, or two do not fit together.
 */
export function checkEntryOptions(options: EntryOptions): EntryOptions {
  assertShape(options);
  checkLife(options, anyRestart);
  return { ...options, ...options.restart && { restart: { ...options.restart } } };
}

/**
 * Fills the options of an entry in with those of its supervisor.
 *
 * @param options What the entry gave.
 * @param defaults The settings of the supervisor.
 * @returns The settings of a life.
 * @throws {TypeError} When a value has a wrong shape, or a name is unknown.
 * @throws {RangeError} When a number is out of range, or two do not fit together.
 */
export function settingsOf(options: EntryOptions, defaults: LifeSettings): LifeSettings {
  assertShape(options);
  return checkLife(options, defaults);
}

/** A misspelt option would be no option at all, and nothing would tell. */
function assertShape(options: EntryOptions): void {
  assertOptions("an entry", options);
  assertNames("", options, defaultLifeSettings);
  if (isObject(options.restart)) {
    assertNames("restart.", options.restart, { ...defaultRestartPolicy, decide: undefined });
  }
}

function assertNames(prefix: string, options: object, known: object): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  const names = Object.keys(known).map((name) => prefix + name).join(", ");
  throw new TypeError(`Cannot use the option ${prefix}${unknown}: it must be one of ${names}`);
}

/** Either bound fits to whatever the supervisor has in place of the other. */
const anyRestart: LifeSettings = {
  ...defaultLifeSettings,
  restart: { ...defaultRestartPolicy, minDelayMs: 0, maxDelayMs: maxTimerMs },
};
