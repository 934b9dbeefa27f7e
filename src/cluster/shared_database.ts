/**
 * Whether others can see the database. Nothing about an open one tells that: it has to be tried, before the instance joins and
 * again and again, since what the path leads to may change under an open handle. A file that was renamed over or deleted lives
 * on for those who have it open, and a new server may take a URL while connections to the old one go on: two databases, of
 * which each has its own cluster.
 *
 * ```text
 *   before the first session    a record is written through the handle, and looked for through a second one
 *   at every look, of a file    is there still the same file? Asked of the file system, which costs nothing
 *   at every second look else   the sessions are listed through a second handle, and the own one must be among them: instead of
 *                               through the first one, so that it costs a connection and no reading
 * ```
 *
 * @module
 */

import type { SessionsView } from "./ledger.ts";
import { isRemote } from "../kv/watch_sees.ts";
import { LocalDatabaseError } from "./errors.ts";
import type { Instance } from "./instance.ts";
import { unreadableStamp } from "./records.ts";

/** How long the record that is looked for is kept if it cannot be deleted, in ms. */
const probeLifeMs = 60_000;

const another = "what is opened with this path is another database";

/** A session that looks, and the commit of its last beat that was acknowledged before. */
interface Looking {
  readonly id: string;
  readonly last: string | null;
}

/** Which file a path leads to. */
interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

/** Tries for one run whether others can see the database. */
export class SharedDatabase {
  readonly #instance: Instance;
  /** Whether others could see it when that was last tried. */
  #isProven: boolean;
  /** When it was last tried through a second handle, in ms. */
  #triedMs = -Infinity;
  /** The file that the handle has open; `undefined` if there is none, or this program may not ask for it. */
  #file: FileIdentity | undefined = undefined;

  constructor(instance: Instance) {
    this.#instance = instance;
    this.#isProven = instance.settings.allowLocal;
  }

  /**
   * Makes sure that others can see the database, before anything is written that they would have to live with.
   *
   * @throws {LocalDatabaseError} If they cannot.
   */
  async assert(): Promise<void> {
    if (this.#isProven) return;
    await this.#assertSameFile();
    const { path } = this.#instance.settings;
    const reason = await this.#whyUnseen();
    if (reason !== undefined) throw new LocalDatabaseError(path, reason);
    this.#file = await identityOf(path);
    this.#isProven = true;
  }

  /**
   * Makes sure of it once more, on behalf of a session that looks.
   *
   * @param isFirst Whether it is the first look of the session.
   * @returns What was seen on the way; `undefined` if the sessions have not been listed.
   * @throws {LocalDatabaseError} If others cannot see the database any more.
   */
  async look(session: Looking, isFirst: boolean): Promise<SessionsView | undefined> {
    const { ledger, clock, timing, settings: { allowLocal, path } } = this.#instance;
    if (allowLocal) return undefined;
    await this.#assertSameFile();
    const nowMs = clock.monotonic();
    if (this.#file || (!isFirst && nowMs - this.#triedMs < timing.sharedCheckMs)) return undefined;
    const seen = await this.#throughSecondHandle();
    if (seen === undefined) return undefined;
    this.#triedMs = nowMs;
    if (contains(seen, session)) return seen;
    const own = await ledger.sessions();
    if (!contains(own, session)) return own; // it is gone from here as well: buried, or with all else
    this.#isProven = false;
    throw new LocalDatabaseError(path, `${another} now; start the program again if that is the right one`);
  }

  /** A handle that cannot be opened says nothing: the first one is read then, and tells what is wrong. */
  async #throughSecondHandle(): Promise<SessionsView | undefined> {
    const { store, ledger, settings: { path } } = this.#instance;
    // Opened, read and closed in one call: a database that answers too late is closed all the same.
    const list = async () => {
      using other = await Deno.openKv(path);
      return await ledger.sessionsIn(other);
    };
    try {
      return await store.call("list the sessions through a second handle", list, { purpose: "sessions" });
    } catch {
      return undefined;
    }
  }

  async #assertSameFile(): Promise<void> {
    const file = this.#file, { path } = this.#instance.settings;
    if (!file) return;
    let now: FileIdentity | undefined;
    try {
      now = await identityOf(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return;
    }
    if (now?.dev === file.dev && now.ino === file.ino) return;
    this.#isProven = false;
    const what = now
      ? "another file has taken the place of the database"
      : "the file of the database was deleted or renamed";
    throw new LocalDatabaseError(path, `${what}, and this program still has the former one open; start it again`);
  }

  /** Writes a record through the handle, and looks for it through a second one. Returns why it is not found, if it is not. */
  async #whyUnseen(): Promise<string | undefined> {
    const { store, ledger, settings: { path, newId } } = this.#instance;
    if (path === undefined && "WorkerGlobalScope" in globalThis) {
      return "in a Web Worker Deno.openKv() without a path opens a private database in memory; open it with a path, and " +
        "give that as the option path";
    }
    const id = newId();
    const key = ledger.keys.probe(id);
    // With a check a write fails at once while the file is locked; without one it would hold up the handle for 5 s.
    const check = { key, versionstamp: null };
    await store.call("write a probe", () => {
      return store.kv.atomic().check(check).set(key, id, { expireIn: probeLifeMs }).commit();
    }, { purpose: "join" });
    const isSeen = async () => {
      using other = await Deno.openKv(path);
      return (await other.get(key)).value === id;
    };
    try {
      if (await store.call("open the database again", isSeen, { purpose: "join" })) return undefined;
    } finally {
      const unlocked = { key: [...key, "none"], versionstamp: null };
      const commit = () => store.kv.atomic().check(unlocked).delete(key).commit();
      await store.call("delete a probe", commit, { purpose: "join" }).catch(() => {}); // it expires
    }
    return path === undefined
      ? "the database is in memory, which no other instance can see (in a test, give allowLocal), or it was opened with a " +
        "path, which has to be given as the option path too"
      : `${another}; give the path that the database itself was opened with`;
  }
}

/** Tells whether the record of a session is there, at least as new as it is known to be. */
function contains({ sessions }: SessionsView, { id, last }: Looking): boolean {
  const versionstamp = sessions.get(id)?.versionstamp;
  return versionstamp !== undefined && (versionstamp === unreadableStamp || last === null || versionstamp >= last);
}

/** Asks the file system, without a prompt, and without opening the file: SQLite's locks would be lost with that. */
async function identityOf(path: string | undefined): Promise<FileIdentity | undefined> {
  if (path === undefined || isRemote(path)) return undefined;
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
  const { dev, ino } = await Deno.stat(path);
  return ino === null ? undefined : { dev, ino };
}
