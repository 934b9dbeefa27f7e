/**
 * Every key that is written to Deno KV.
 *
 * ```text
 * [...prefix, key]                                    an entry: the spec as a plain value, readable without this library
 * ["@pact/supervisor", prefix, "generation"]          rewritten with every change
 * ["@pact/supervisor", prefix, "log", versionstamp]   one change: the keys that were set or deleted; null for the whole table
 * ["@pact/supervisor", prefix, "pause", no bytes]     the whole table is paused; listed before these
 * ["@pact/supervisor", prefix, "pause", key]          a key is paused
 * ["@pact/supervisor", prefix, "trouble", key]        what is wrong with a key, or was within the last day
 * ["@pact/supervisor", prefix, "session", "!bell"]    rewritten with every change of claims or sessions, and listed before these
 * ["@pact/supervisor", prefix, "session", id]         one instance of the program, rewritten with every heartbeat
 * ["@pact/supervisor", prefix, "info", id]            what it says of itself once: written with the first of these, deleted with the last
 * ["@pact/supervisor", prefix, "note"]                for a minute: an instance has left, and the next one may take its place
 * ["@pact/supervisor", prefix, "revisions"]           the order in which the revisions of the program came
 * ["@pact/supervisor", prefix, "claim", slot]         the session that owns the slot
 * ["@pact/supervisor", prefix, "token", slot, id]     stands and falls with the claim of that session: what its writes check
 * ["@pact/supervisor", prefix, "probe", id]           exists for a moment, while an instance starts
 * ```
 *
 * In a control record the prefix is one part, its text: `["bots", 1]` becomes `'["bots",1]'`. So no prefix reaches into the
 * records of another, and none can begin with the text "@pact/supervisor". An entry is one part longer than its prefix, so
 * one of a nested prefix is told by its length.
 *
 * @module
 */

import { describeKey, describeValue } from "../errors.ts";
import { oneLine } from "../one_line.ts";
import { assertKey } from "../table/table.ts";
import { copyKey, isKeyPart, type KeyPart, keySize, keyText } from "./key_parts.ts";

/** What can be the key of an entry in Deno KV. */
export type KvTableKey = string | number | bigint | boolean;

const controlRoot = "@pact/supervisor";

/** How many parts every control record begins with: the root, the prefix, and the kind. */
const controlLength = 3;

/** Versionstamps and session ids are hexadecimal: none sorts after this. */
const afterHexadecimals = "g";

/** The bell among the sessions: no id has such a character, and all ids sort after it. */
const bellId = "!bell";

/** The most bytes of a key in Deno KV. */
const maxKeySize = 2_048;

/** The most bytes of a prefix, in front of an entry and as text: it leaves room for the rest of every key. */
const maxPrefixSize = 1_024;

/** How many parts of a wrong prefix a message shows. */
const maxShownParts = 10;

/** The keys under one prefix: the entries of a table below it, the control records of a table or a cluster beside it. */
export class Keyspace {
  /** The prefix that it is made of. */
  readonly prefix: readonly KeyPart[];
  /** The record that changes with every change of the table. */
  readonly generation: Deno.KvKey;
  /** The record that is rewritten with every change of claims or sessions: the first one that `sessions` selects. */
  readonly bell: Deno.KvKey;
  /** The record of the order in which the revisions of the program came. */
  readonly revisions: Deno.KvKey;
  /** The note of an instance that has left. */
  readonly note: Deno.KvKey;
  /** Selects the bell and the records of all sessions. */
  readonly sessions: KvRange;
  /** Where the pause of the whole table stands. */
  readonly wholePause: Deno.KvKey;
  /** What the pauses are listed by, that of the whole table first. */
  readonly pauses: Deno.KvKey;
  /** What the troubles are listed by. */
  readonly troubles: Deno.KvKey;
  readonly #text: string;
  /** How much of a key is taken by what stands before that of an entry, in the entry itself or in a record beside it. */
  readonly #overhead: number;

  /**
   * Makes the keys under a prefix, which is copied.
   *
   * @throws {TypeError} If the prefix is not a list of key parts, is empty or too long, or is where the control records live.
   */
  constructor(prefix: Deno.KvKey) {
    this.prefix = checkPrefix(prefix);
    this.#text = keyText(this.prefix);
    this.troubles = this.#control("trouble");
    this.#overhead = Math.max(keySize(this.prefix), keySize([controlRoot, this.#text, "trouble"]));
    this.generation = this.#control("generation");
    this.pauses = this.#control("pause");
    this.wholePause = this.#control("pause", new Uint8Array());
    this.bell = this.session(bellId);
    this.revisions = this.#control("revisions");
    this.note = this.#control("note");
    this.sessions = { start: this.session(""), end: this.session(afterHexadecimals) };
  }

  /**
   * Returns where an entry lives; -0 becomes 0, as in a `Map`.
   *
   * @throws {TypeError} If `key` cannot be a key, has lone surrogates, which the database does not tell apart, or is too long.
   */
  entry(key: KvTableKey): Deno.KvKey {
    assertKey(key);
    if (typeof key === "string" && !key.isWellFormed()) {
      throw new TypeError(`Cannot use a string with lone surrogates as a key: current value is ${describeKey(key)}`);
    }
    this.#assertFits(key);
    return [...this.prefix, key === 0 ? 0 : key];
  }

  /** Returns the key of the entry that lives there; `undefined` if none can: deeper down, or at a part of another kind. */
  keyOf(entryKey: Deno.KvKey): KvTableKey | undefined {
    if (entryKey.length !== this.prefix.length + 1) return undefined;
    const key = entryKey[this.prefix.length];
    return isTableKey(key) && this.#sizeIfTooLong(key) === undefined ? key : undefined;
  }

  /** Returns where the pause of a key stands. */
  pause(key: KvTableKey): Deno.KvKey {
    return [...this.pauses, key === 0 ? 0 : key];
  }

  /** Returns where the trouble of a key stands. */
  trouble(key: KvTableKey): Deno.KvKey {
    return [...this.troubles, key === 0 ? 0 : key];
  }

  /** Returns whose pause or trouble stands there; `undefined` if none does. */
  keyBeside(recordKey: Deno.KvKey): KvTableKey | undefined {
    const key = recordKey[controlLength];
    return recordKey.length === controlLength + 1 && isTableKey(key) ? key : undefined;
  }

  /** Returns where a change is logged, by its commit or by the symbol that the database replaces with it. */
  log(versionstamp: string | symbol): Deno.KvKey {
    return this.#control("log", versionstamp);
  }

  /** Selects the changes from a versionstamp on. */
  logFrom(versionstamp: string): KvRange {
    return { start: this.log(versionstamp), end: this.log(afterHexadecimals) };
  }

  /** Returns the commit of the change that is logged there; `undefined` if none is. */
  versionstampOf(logKey: Deno.KvKey): string | undefined {
    const [root, text, kind, versionstamp] = logKey;
    if (logKey.length !== controlLength + 1 || root !== controlRoot || text !== this.#text || kind !== "log") {
      return undefined;
    }
    return typeof versionstamp === "string" && /^[0-9a-f]{20}$/.test(versionstamp) ? versionstamp : undefined;
  }

  /** Returns where the record of a session lives. */
  session(id: string): Deno.KvKey {
    return this.#control("session", id);
  }

  /** Returns where a session says of itself what never changes. */
  info(id: string): Deno.KvKey {
    return this.#control("info", id);
  }

  /** Returns where the owner of a slot is recorded. */
  claim(slot: number): Deno.KvKey {
    return this.#control("claim", slot);
  }

  /** Selects the claims on the first `slots` slots. */
  claims(slots: number): KvRange {
    return { start: this.claim(0), end: this.claim(slots) };
  }

  /**
   * Returns what stands as long as a session owns a slot, and has the commit of its claim. The database may be set back, and
   * versionstamps begin again there: so no other owner can ever have the same key and commit.
   */
  token(slot: number, id: string): Deno.KvKey {
    return this.#control("token", slot, id);
  }

  /** Selects the tokens of the slots from one up to, but not including, another. */
  tokens(from: number, to: number): KvRange {
    return { start: this.#control("token", from), end: this.#control("token", to) };
  }

  /** Returns where an instance writes something unique, to see whether two handles lead to one database. */
  probe(id: string): Deno.KvKey {
    return this.#control("probe", id);
  }

  #assertFits(key: KvTableKey): void {
    const size = this.#sizeIfTooLong(key);
    if (size === undefined) return;
    throw new TypeError(
      `Cannot use the key of entry ${
        describeKey(key)
      }: Deno KV takes keys up to 2 KiB, and in them bigints up to 255 ` +
        `bytes, current size with what stands before it is ${size} bytes`,
    );
  }

  /** A character takes at most three bytes, so most keys need no measuring. */
  #sizeIfTooLong(key: KvTableKey): number | undefined {
    if (typeof key !== "string" && typeof key !== "bigint") return undefined;
    if (typeof key === "string" && this.#overhead + 2 + 3 * key.length <= maxKeySize) return undefined;
    const size = this.#overhead + keySize([key]);
    return size <= maxKeySize && isKeyPart(key) ? undefined : size;
  }

  #control(kind: string, ...rest: Deno.KvKey): Deno.KvKey {
    return [controlRoot, this.#text, kind, ...rest];
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

function checkPrefix(given: unknown): readonly KeyPart[] {
  const prefix = Array.isArray(given) ? copyKey<unknown>(given) : [];
  if (prefix.length === 0 || !prefix.every(isKeyPart)) {
    const shown = Array.isArray(given)
      ? `[${prefix.slice(0, maxShownParts).map(describeValue).join(", ")}]`
      : undefined;
    throw new TypeError(
      `Cannot use the option prefix: it must be a list of at least one string, number, bigint, boolean or Uint8Array, ` +
        `current value is ${shown === undefined ? describeValue(given) : oneLine(shown)}`,
    );
  }
  if (prefix[0] === controlRoot) {
    throw new TypeError(
      `Cannot use the option prefix: control records live under "${controlRoot}", current value starts with it`,
    );
  }
  const size = Math.max(keySize(prefix), keySize([keyText(prefix)]));
  if (size <= maxPrefixSize) return prefix;
  throw new TypeError(
    `Cannot use the option prefix: it must take at most ${maxPrefixSize} bytes of a key, as it is and as text, ` +
      `current size is ${size} bytes`,
  );
}
