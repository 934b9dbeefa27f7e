/**
 * Every key that is written to Deno KV.
 *
 * ```text
 * [...prefix, key]                                     an entry: the spec as a plain value, readable without this library
 * ["@pact/supervisor", ...prefix, "generation"]        rewritten with every change
 * ["@pact/supervisor", ...prefix, "log", versionstamp] one change: the key that was set or deleted
 * ["@pact/supervisor", ...prefix, "session", id]       one instance of the program, rewritten with every heartbeat
 * ["@pact/supervisor", ...prefix, "claim", slot]       the session that owns the slot
 * ["@pact/supervisor", ...prefix, "bell"]              rewritten when slots become free
 * ["@pact/supervisor", ...prefix, "probe", id]         exists for a moment, while an instance starts
 * ```
 *
 * @module
 */

import { assertKey } from "../table/table.ts";

/** What can be the key of an entry in Deno KV. */
export type KvTableKey = string | number | bigint | boolean;

const controlRoot = "@pact/supervisor";

/** Versionstamps and session ids are hexadecimal: none sorts after this, and the name of no kind of record before it. */
const afterHexadecimals = "g";

/** The keys under one prefix: the entries of a table below it, the control records of a table or a cluster beside it. */
export class Keyspace {
  /** The prefix that it is made of. */
  readonly prefix: Deno.KvKey;
  /** The record that changes with every change of the table. */
  readonly generation: Deno.KvKey;
  /** The record that is rewritten when slots become free. */
  readonly bell: Deno.KvKey;
  /** Selects the records of all sessions, but not the control records of a table at `[...prefix, "session"]`. */
  readonly sessions: KvRange;

  /**
   * Makes the keys under a prefix.
   *
   * @throws {TypeError} If the prefix is not a list of key parts, is empty, or is where the control records live.
   */
  constructor(prefix: Deno.KvKey) {
    checkPrefix(prefix);
    this.prefix = [...prefix];
    this.generation = this.#control("generation");
    this.bell = this.#control("bell");
    this.sessions = { start: this.session(""), end: this.session(afterHexadecimals) };
  }

  /**
   * Returns where an entry lives; -0 becomes 0, as in a `Map`.
   *
   * @throws {TypeError} If `key` cannot be a key, or has lone surrogates, which the database does not tell apart.
   */
  entry(key: KvTableKey): Deno.KvKey {
    assertKey(key);
    if (typeof key === "string" && !key.isWellFormed()) {
      throw new TypeError(`Cannot use a string with lone surrogates as a key: current value is ${JSON.stringify(key)}`);
    }
    return [...this.prefix, key === 0 ? 0 : key];
  }

  /** Returns the key of the entry that lives there; `undefined` if none can: deeper down, or at a part of another kind. */
  keyOf(entryKey: Deno.KvKey): KvTableKey | undefined {
    if (entryKey.length !== this.prefix.length + 1) return undefined;
    const key = entryKey[this.prefix.length];
    return isTableKey(key) ? key : undefined;
  }

  /** Returns where a change is logged, by its commit or by the symbol that the database replaces with it. */
  log(versionstamp: string | symbol): Deno.KvKey {
    return this.#control("log", versionstamp);
  }

  /** Selects the changes from a versionstamp on, and a few records of nested prefixes such as `[...prefix, "log"]`. */
  logFrom(versionstamp: string): KvRange {
    return { start: this.log(versionstamp), end: this.log(afterHexadecimals) };
  }

  /** Returns the commit of the change that is logged there; `undefined` if the record belongs to a nested prefix. */
  versionstampOf(logKey: Deno.KvKey): string | undefined {
    const last = logKey.at(-1);
    const isOwn = logKey.length === this.prefix.length + 3 && typeof last === "string" && /^[0-9a-f]{20}$/.test(last);
    return isOwn ? last : undefined;
  }

  /** Returns where the record of a session lives. */
  session(id: string): Deno.KvKey {
    return this.#control("session", id);
  }

  /** Returns where the owner of a slot is recorded. */
  claim(slot: number): Deno.KvKey {
    return this.#control("claim", slot);
  }

  /** Selects the claims on the first `slots` slots, but not the control records of a table at `[...prefix, "claim"]`. */
  claims(slots: number): KvRange {
    return { start: this.claim(0), end: this.claim(slots) };
  }

  /** Returns where an instance writes something unique, to see whether two handles lead to one database. */
  probe(id: string): Deno.KvKey {
    return this.#control("probe", id);
  }

  #control(kind: string, ...rest: Deno.KvKey): Deno.KvKey {
    return [controlRoot, ...this.prefix, kind, ...rest];
  }
}

/** A range of keys; the end is not in it. */
export interface KvRange {
  /** The first key. */
  readonly start: Deno.KvKey;
  /** The key after the last one. */
  readonly end: Deno.KvKey;
}

/** Tells whether a value can be a key: `NaN` cannot, and -0 would be a second 0. */
export function isTableKey(key: unknown): key is KvTableKey {
  if (typeof key === "number") return !Number.isNaN(key) && !Object.is(key, -0);
  return typeof key === "string" || typeof key === "bigint" || typeof key === "boolean";
}

function checkPrefix(prefix: unknown): void {
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

function isPart(part: unknown): boolean {
  return part instanceof Uint8Array || ["string", "number", "bigint", "boolean"].includes(typeof part);
}
