/**
 * Writes what stands beside the entries of a table: pauses, and what is wrong with a key.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { describeKey } from "../errors.ts";
import { isSamePause, makePause, type Pause, pauseAt, type PauseOptions } from "../pause.ts";
import { endTrouble, keptAfterEndMs, type Trouble } from "../table/trouble.ts";
import { toPause, toPauseRecord, toTrouble, toTroubleRecord } from "./condition_records.ts";
import type { ReportContext } from "./context.ts";
import type { Keyspace, KvTableKey } from "./keyspace.ts";
import type { KvStore } from "./store.ts";
import type { Change, Subject, TableWriter } from "./table_writer.ts";

/** Deno KV takes whole ms up to some 260 000 years; a record that is to be kept for longer than this stays, in ms. */
const maxExpiryMs = 1_000_000_000_000;

/** What a {@linkcode ConditionWriter} needs. */
export interface ConditionWriterOptions<K extends KvTableKey> {
  readonly writer: TableWriter<K>;
  readonly store: KvStore;
  readonly keys: Keyspace;
  readonly clock: Clock;
}

/** Pauses and resumes, and remembers trouble. */
export class ConditionWriter<K extends KvTableKey> {
  readonly #options: ConditionWriterOptions<K>;

  constructor(options: ConditionWriterOptions<K>) {
    this.#options = options;
  }

  /** Drops what stands beside an entry that is deleted. */
  drop(atomic: Deno.AtomicOperation, key: K): Deno.AtomicOperation {
    const { keys } = this.#options;
    return atomic.delete(keys.pause(key)).delete(keys.trouble(key));
  }

  /** Pauses a key if there is such an entry, or the whole table. Returns whether something changed. */
  async pause(subject: Subject<K>, options: PauseOptions): Promise<boolean> {
    const { writer, keys, clock } = this.#options, { key } = subject;
    const named = key === undefined ? "the table" : `entry ${describeKey(key)}`;
    const asked = makePause(named, options, clock.now()); // here and now: it may be over before it is written
    const at = key === undefined ? keys.wholePause : keys.pause(key);
    const reads = key === undefined ? [at] : [at, keys.entry(key)];
    return await writer.revise({
      ...subject,
      reads,
      revise: ([own, entry]) => {
        if (entry?.versionstamp === null) return undefined;
        const now = clock.now(), before = pauseAt(toPause(own.value), now);
        const pause = { ...asked, at: before?.at ?? asked.at };
        if (isSamePause(before, pause)) return undefined;
        const record = toPauseRecord(key === undefined ? { ...pause, isWholeTable: true } : pause);
        return (atomic) => atomic.set(at, record, expiryOf(pause, now));
      },
    });
  }

  /** Ends the pause of a key, and its trouble; or the pause of the whole table alone. Returns whether there was one. */
  async resume(subject: Subject<K>): Promise<boolean> {
    const { writer, keys, clock } = this.#options, { key } = subject;
    const at = key === undefined ? keys.wholePause : keys.pause(key);
    const reads = key === undefined ? [at] : [at, keys.trouble(key)];
    return await writer.revise({
      ...subject,
      reads,
      revise: ([own, trouble]) => {
        const now = clock.now();
        if (!pauseAt(toPause(own.value), now)) return undefined;
        const ended = trouble && this.#ended(trouble, now);
        return (atomic) => ended ? ended(atomic.delete(at)) : atomic.delete(at);
      },
    });
  }

  /** Remembers what is wrong with an entry, unless that has been replaced, or the claim is lost. It is announced to no one. */
  async report(key: K, version: string, trouble: Trouble | undefined, context: ReportContext): Promise<void> {
    const { keys, store: { kv }, writer, clock } = this.#options, { claim, session } = context;
    const subject = { operation: "report on", key } as const;
    const entryKey = keys.entry(key), troubleKey = keys.trouble(key);
    let change: Change | undefined;
    if (trouble) {
      const record = toTroubleRecord(version, session === undefined ? trouble : { ...trouble, session });
      change = (atomic) => atomic.set(troubleKey, record);
    } else {
      const before = await writer.call(subject, () => kv.get(troubleKey));
      change = this.#ended(before, clock.now(), { version, ...session !== undefined && { session } });
    }
    if (!change) return;
    const checks = [{ key: entryKey, versionstamp: version }, ...claim ? [claim.check] : []];
    const atomic = change(kv.atomic().check(...checks));
    await writer.call(subject, async () => void await atomic.commit());
  }

  /** Keeps a trouble for the morning after; nothing, if there is none that has not ended. */
  #ended(
    row: Deno.KvEntryMaybe<unknown>,
    now: number,
    { version, session }: { readonly version?: string; readonly session?: string } = {},
  ): Change | undefined {
    const before = toTrouble(row.value);
    if (!before || before.trouble.endedAt !== undefined) return undefined;
    const trouble = { ...endTrouble(before.trouble, now), ...session !== undefined && { session } };
    const record = toTroubleRecord(version ?? String(before.version), trouble);
    return (atomic) => atomic.set(row.key, record, { expireIn: keptAfterEndMs });
  }
}

/** From when on the database may delete the record of a pause; never for one without an end. */
function expiryOf({ untilAt = Infinity }: Pause, now: number): { readonly expireIn: number } | undefined {
  const expireIn = Math.max(0, Math.ceil(untilAt - now));
  return expireIn <= maxExpiryMs ? { expireIn } : undefined;
}
