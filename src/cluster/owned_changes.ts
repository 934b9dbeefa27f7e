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
  /** Is told that the stream is read from now on. */
  opened(stream: ChangeStream<K>): void;
  /** Is told that it has ended. */
  closed(stream: ChangeStream<K>): void;
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
export function ownedChanges<K>(
  { signal, opened, closed, follow, failed, isOurs }: OwnedChangesOptions<K>,
): ChangeStream<K> {
  const ending = new AbortController();
  const stream: ChangeStream<K> = new ChangeStream<K>({
    signal,
    begin: async () => {
      opened(stream);
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
      closed(stream);
      ending.abort();
    },
  });
  return stream;
}
