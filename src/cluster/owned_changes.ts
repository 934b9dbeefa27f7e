/**
 * The changes of the part of a table that one instance owns.
 *
 * @module
 */

import { ChangeStream } from "../table/change_stream.ts";

/** What {@linkcode ownedChanges} needs. */
export interface OwnedChangesOptions<K> {
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** The streams of the same table in progress, which this one joins and leaves by itself. */
  readonly streams: Set<ChangeStream<K>>;
  /** Follows the whole table until a signal aborts. */
  follow(ending: AbortSignal): AsyncIterable<K | undefined>;
  /** Is told that following failed. Resolves when it may be tried again. */
  failed(error: unknown, ending: AbortSignal): Promise<void>;
  /** Tells which changes are handed on. */
  isOurs(key: K): boolean;
}

/**
 * Tells what changes in the table, as far as it is ours; what changes about which part of it is ours is announced on the
 * stream by others. That news must not end with the news of entries: when those fail, they are followed anew.
 *
 * @param options What to follow and how to filter it.
 * @returns The stream.
 */
export function ownedChanges<K>({ signal, streams, follow, failed, isOurs }: OwnedChangesOptions<K>): ChangeStream<K> {
  const ending = new AbortController();
  const stream: ChangeStream<K> = new ChangeStream<K>({
    signal,
    begin: async () => {
      streams.add(stream);
      while (!ending.signal.aborted) {
        try {
          for await (const key of follow(ending.signal)) if (key === undefined || isOurs(key)) stream.announce(key);
        } catch (error) {
          await failed(error, ending.signal);
          stream.announce(undefined);
        }
      }
    },
    release: () => {
      streams.delete(stream);
      ending.abort();
    },
  });
  return stream;
}
