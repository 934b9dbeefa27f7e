/** The file of a database is deleted or renamed over while instances run on it, and others start on what is there then. */

import { assert, assertEquals } from "@std/assert";
import { KvTable } from "@pact/supervisor/kv";
import { measures, Observations, RemoteInstance, sleep } from "./remote_fleet.ts";

const { heartbeatMs } = measures;
const keys = Array.from({ length: 12 }, (_, index) => `bot-${index}`);

/** Fills a database, and closes it: SQLite removes its log then, some time later, and would mix up what is renamed before. */
async function fill(path: string): Promise<void> {
  {
    using kv = await Deno.openKv(path);
    const table = new KvTable<string, null>(kv, { prefix: ["bots"], create: () => ({ run: async () => {} }) });
    for (const key of keys) await table.set(key, null);
  }
  const isOpen = () => Deno.stat(`${path}-wal`).then(() => true, () => false);
  for (let waits = 0; await isOpen(); waits++) {
    assert(waits < 500, "the database is not closed");
    await sleep(10);
  }
}

/** Removes a database from a directory: SQLite keeps what is new in files beside it. */
async function remove(path: string): Promise<void> {
  for (const suffix of ["", "-wal", "-shm"]) await Deno.remove(path + suffix);
}

const replacements: Record<string, (path: string) => Promise<void>> = {
  "deleted": async (path) => {
    await remove(path);
    await fill(path);
  },
  "renamed over": async (path) => {
    await fill(`${path}-new`);
    for (const suffix of ["-wal", "-shm"]) await Deno.remove(path + suffix);
    await Deno.rename(`${path}-new`, path);
  },
};
for (const [what, replace] of Object.entries(replacements)) {
  Deno.test(`nothing runs twice after two heartbeats when the file of a database is ${what}`, async () => {
    const directory = await Deno.makeTempDir();
    const path = `${directory}/kv.sqlite`;
    await fill(path);
    const observations = new Observations();
    const options = { path, allowLocal: false };
    const start = (number: number) => {
      return RemoteInstance.start({ open: () => Deno.openKv(path) }, number, observations, options);
    };
    const runAll = async (...of: number[]) => {
      const where = () => [...observations.running().values()];
      for (let waits = 0; waits < 500; waits++) {
        if (where().length === keys.length && where().every(([instance]) => of.includes(instance))) return;
        await sleep(20);
      }
      assert(false, `there run ${JSON.stringify([...observations.running()])}`);
    };
    {
      await using one = await start(1);
      await using two = await start(2);
      await runAll(1, 2);
      await replace(path);
      await using _three = await start(3);
      await sleep(2 * heartbeatMs);
      const told = [one, two].flatMap(({ events }) => events.filter(({ type }) => type === "database-replaced"));
      assertEquals(told.map((event) => "cause" in event && event.cause), ["elsewhere", "elsewhere"]);
      await runAll(3);
      assertEquals([...observations.running().values()].filter((where) => where.length > 1), [], "these run twice");
    }
    await Deno.remove(directory, { recursive: true });
  });
}
