/**
 * A remote database that a test starts and takes away from its clients.
 *
 * @module
 */

/** A server with a database of its own, which outlives a restart. Disposing of it ends it for good. */
export interface RemoteDatabase extends AsyncDisposable {
  /** Opens the database with Deno's own client. */
  open(): Promise<Deno.Kv>;
  /** Goes down as in a crash. */
  stop(): Promise<void>;
  /** Goes down, if it is up, and comes up again at the same place with the same data. */
  restart(): Promise<void>;
}

/**
 * How long a client stays away after a failed call at most, in ms: it draws from 202 to 303. The rest is for slow
 * machines.
 */
export const maxClientPauseMs = 400;
