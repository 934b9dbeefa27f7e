/**
 * Whether others can see the database: it has to be tried.
 *
 * @module
 */

import { LocalDatabaseError } from "./errors.ts";
import type { Instance } from "./instance.ts";

/** How long the record that is looked for is kept if it cannot be deleted, in ms. */
const probeLifeMs = 60_000;

/**
 * Opens the database a second time and looks for a record that was written by the first. Nothing about an open database tells
 * whether others can see it: it has to be tried.
 *
 * @throws {LocalDatabaseError} If others cannot see the database.
 */
export async function assertShared({ store, ledger, settings: { path, newId } }: Instance): Promise<void> {
  if (path === undefined && "WorkerGlobalScope" in globalThis) {
    throw new LocalDatabaseError(
      path,
      "in a Web Worker Deno.openKv() without a path opens a private database in memory; open it with a path, and give " +
        "that as the option path",
    );
  }
  const id = newId();
  const key = ledger.keys.probe(id);
  // With a check a write fails at once while the file is locked; without one it would hold up the handle for 5 s.
  const check = { key, versionstamp: null };
  await store.call("write a probe", () => {
    return store.kv.atomic().check(check).set(key, id, { expireIn: probeLifeMs }).commit();
  }, { purpose: "join" });
  // Opened, read and closed in one call: a database that answers too late is closed all the same.
  const isSeen = async () => {
    using other = await Deno.openKv(path);
    return (await other.get(key)).value === id;
  };
  try {
    if (await store.call("open the database again", isSeen, { purpose: "join" })) return;
  } finally {
    const unlocked = { key: [...key, "none"], versionstamp: null };
    const commit = () => store.kv.atomic().check(unlocked).delete(key).commit();
    await store.call("delete a probe", commit, { purpose: "join" }).catch(() => {}); // it expires
  }
  throw new LocalDatabaseError(
    path,
    path === undefined
      ? "the database is in memory, which no other instance can see (in a test, give allowLocal), or it was opened with a " +
        "path, which has to be given as the option path too"
      : "what is opened with this path is another database; give the path that the database itself was opened with",
  );
}
