/**
 * Every key that is written to Deno KV.
 *
 * ```text
 * [...prefix, key]                                     an entry: the spec, plain, for anybody to read
 * ["@pact/supervisor", ...prefix, "generation"]        rewritten with every change
 * ["@pact/supervisor", ...prefix, "log", versionstamp] one change: the key that was set or deleted
 * ["@pact/supervisor", ...prefix, "session", id]       one instance of the program, rewritten with every heartbeat
 * ["@pact/supervisor", ...prefix, "claim", slot]       which session owns the slot
 * ["@pact/supervisor", ...prefix, "bell"]              rewritten when slots become free
 * ["@pact/supervisor", ...prefix, "probe", id]         there for a moment, while an instance starts
 * ```
 *
 * @module
 */

import { assertKey } from "../table/table.ts";

/** What can be the key of an entry in Deno KV. */
export type KvTableKey = string | number | bigint | boolean;

const controlRoot = "@pact/supervisor";

/** Versionstamps and sessions are hexadecimal: none sorts behind this, and the name of no kind of record before it. */
const behindHexadecimals = "g";

/**
 * Checks that entries can live under a prefix.
 *
 * @param prefix Any value.
 * @throws {TypeError} When it is no list of key parts, is empty, or is where the control records live.
 */
export function assertPrefix(prefix: unknown): asserts prefix is Deno.KvKey {
  if (!Array.isArray(prefix) || prefix.length === 0 || !prefix.every(isPart)) {
    throw new TypeError(
      `Cannot use the option prefix: it must be a list of at least one string, number, bigint, boolean or Uint8Array, ` +
        `current value is ${Array.isArray(prefix) ? `[${prefix.map(String).join(", ")}]` : String(prefix)}`,
    );
  }
  if (prefix[0] === controlRoot) {
    throw new TypeError(
      `Cannot use the option prefix: control records live under "${controlRoot}", current value starts with it`,
    );
  }
}

/**
 * Makes the key of an entry.
 *
 * @param prefix Where the entries live.
 * @param key The key of the entry; -0 becomes 0, as in a `Map`.
 * @returns The key in the database.
 * @throws {TypeError} When it can be no key, or has lone surrogates, which the database does not tell apart.
 */
export function toEntryKey(prefix: Deno.KvKey, key: KvTableKey): Deno.KvKey {
  assertKey(key);
  if (typeof key === "string" && !key.isWellFormed()) {
    throw new TypeError(`Cannot use a string with lone surrogates as a key: current value is ${JSON.stringify(key)}`);
  }
  return [...prefix, key === 0 ? 0 : key];
}

/**
 * Takes the key of an entry out of a key in the database.
 *
 * @param prefix Where the entries live.
 * @param entryKey A key under the prefix.
 * @returns The key, or `undefined` when this is no entry: deeper than one part, or a part that can be no key.
 */
export function fromEntryKey(prefix: Deno.KvKey, entryKey: Deno.KvKey): KvTableKey | undefined {
  if (entryKey.length !== prefix.length + 1) return undefined;
  const key = entryKey[prefix.length];
  return isTableKey(key) ? key : undefined;
}

/**
 * Tells a key of an entry from anything else that a database may hold.
 *
 * @param key Any value.
 * @returns Whether it can be a key: `NaN` cannot, and -0 would be a second 0.
 */
export function isTableKey(key: unknown): key is KvTableKey {
  if (typeof key === "number") return !Number.isNaN(key) && !Object.is(key, -0);
  return typeof key === "string" || typeof key === "bigint" || typeof key === "boolean";
}

/**
 * Makes the key of the record that changes with every change.
 *
 * @param prefix Where the entries live.
 * @returns The key in the database.
 */
export function generationKey(prefix: Deno.KvKey): Deno.KvKey {
  return [controlRoot, ...prefix, "generation"];
}

/**
 * Makes the key of a record of the change log.
 *
 * @param prefix Where the entries live.
 * @param versionstamp The commit of the change, or the symbol that the database replaces by it.
 * @returns The key in the database.
 */
export function logKey(prefix: Deno.KvKey, versionstamp: string | symbol): Deno.KvKey {
  return [controlRoot, ...prefix, "log", versionstamp];
}

/**
 * Selects the change log from a position on.
 *
 * @param prefix Where the entries live.
 * @param versionstamp The first versionstamp to see.
 * @returns The selector, which leaves out the records of nested prefixes such as `[...prefix, "log"]`, but not all.
 */
export function logTail(prefix: Deno.KvKey, versionstamp: string): { start: Deno.KvKey; end: Deno.KvKey } {
  return { start: logKey(prefix, versionstamp), end: logKey(prefix, behindHexadecimals) };
}

/**
 * Takes the versionstamp out of a key of the change log.
 *
 * @param prefix Where the entries live.
 * @param key A key under the change log.
 * @returns The versionstamp, or `undefined` when the key belongs to a nested prefix.
 */
export function versionstampOf(prefix: Deno.KvKey, key: Deno.KvKey): string | undefined {
  const last = key.at(-1);
  const own = key.length === prefix.length + 3 && typeof last === "string" && /^[0-9a-f]{20}$/.test(last);
  return own ? last : undefined;
}

/**
 * Makes the key of the record of a session.
 *
 * @param prefix Where the cluster lives.
 * @param id The session: hexadecimal digits and dashes.
 * @returns The key in the database.
 */
export function sessionKey(prefix: Deno.KvKey, id: string): Deno.KvKey {
  return [controlRoot, ...prefix, "session", id];
}

/**
 * Selects the records of all sessions.
 *
 * @param prefix Where the cluster lives.
 * @returns The selector, which leaves out the control records of a table below `[...prefix, "session"]`.
 */
export function allSessions(prefix: Deno.KvKey): { start: Deno.KvKey; end: Deno.KvKey } {
  return { start: sessionKey(prefix, ""), end: sessionKey(prefix, behindHexadecimals) };
}

/**
 * Makes the key of the record that says who owns a slot.
 *
 * @param prefix Where the cluster lives.
 * @param slot The slot.
 * @returns The key in the database.
 */
export function claimKey(prefix: Deno.KvKey, slot: number): Deno.KvKey {
  return [controlRoot, ...prefix, "claim", slot];
}

/**
 * Selects the claims on all slots.
 *
 * @param prefix Where the cluster lives.
 * @param slots How many slots there are.
 * @returns The selector, which leaves out the control records of a table below `[...prefix, "claim"]`.
 */
export function allClaims(prefix: Deno.KvKey, slots: number): { start: Deno.KvKey; end: Deno.KvKey } {
  return { start: claimKey(prefix, 0), end: claimKey(prefix, slots) };
}

/**
 * Makes the key of the record that is rewritten when slots become free.
 *
 * @param prefix Where the cluster lives.
 * @returns The key in the database.
 */
export function bellKey(prefix: Deno.KvKey): Deno.KvKey {
  return [controlRoot, ...prefix, "bell"];
}

/**
 * Makes the key of a record that only says that a database is the same as another one.
 *
 * @param prefix Where the cluster lives.
 * @param id Unique.
 * @returns The key in the database.
 */
export function probeKey(prefix: Deno.KvKey, id: string): Deno.KvKey {
  return [controlRoot, ...prefix, "probe", id];
}

function isPart(part: unknown): boolean {
  return part instanceof Uint8Array || ["string", "number", "bigint", "boolean"].includes(typeof part);
}
