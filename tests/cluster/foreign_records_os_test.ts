/** Another program writes records in other formats among those of a cluster: the instances bear it, and newcomers say why they wait. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { delay } from "@std/async/delay";
import { keys as manyKeys, pace } from "./chaos.ts";
import { ChaosInstance, converged, fill, runningOnce } from "./havoc.ts";

const keys = manyKeys.slice(0, 40);
/** Within what time all must run again, in ms. */
const recoveryMs = 7_000;

const record = (kind: string, ...rest: Deno.KvKey): Deno.KvKey => ["@pact/supervisor", '["cluster"]', kind, ...rest];
const foreign = { format: 2, session: "f-0", beats: "differently" };

/** Beats as a session of a later version would, and writes over what others have written. */
async function beatAndSpoil(kv: Deno.Kv, beat: number): Promise<void> {
  const atomic = kv.atomic()
    .set(record("session", "f-0"), { ...foreign, beat })
    .set(record("session", "!bell"), { rung: beat })
    .set(record("session", "f-0", "more"), foreign)
    .set(record("later", beat), foreign)
    .set(["@pact/supervisor", '["chaos"]', "generation"], `the ${beat}th`)
    .set(["@pact/supervisor", '["chaos"]', "log", kv.commitVersionstamp()], { changed: "much" });
  for (let slot = 0; slot < 8; slot++) atomic.set(record("claim", 8 * beat + slot), foreign);
  await atomic.commit();
}

Deno.test("records of other formats disturb no instance for long: what they take away comes back when their writer is gone", async () => {
  const directory = await Deno.makeTempDir({ prefix: "foreign_" });
  const path = `${directory}/chaos.sqlite3`;
  {
    using kv = await Deno.openKv(path);
    await fill(kv, keys);
    await using one = new ChaosInstance(path, "1");
    await using two = new ChaosInstance(path, "2");
    await converged([one, two], keys);
    await using late = new ChaosInstance(path, "3");
    for (let beat = 0; beat < 6; beat++) {
      await beatAndSpoil(kv, beat);
      await delay(pace.heartbeatMs);
    }
    await late.line(/for session f-0 to end.*: this version reads format 1, its format is 2/);
    assertEquals(await late.running(), []);
    const goneAt = Date.now();
    await runningOnce([one, two, late], keys);
    const tookMs = Date.now() - goneAt;
    console.log(`all run once ${tookMs} ms after the last record in another format`);
    assertLess(tookMs, recoveryMs);
    await converged([one, two, late], keys);
    const instances = [one, two, late];
    const ends = await Promise.all(instances.map((instance) => instance.end("SIGINT")));
    assertEquals(ends.map(({ code }) => code), [0, 0, 0]);
    assert(!instances.some(({ output }) => / twice /.test(output)));
    assert(instances.every(({ errorCount }) => errorCount === 0), instances.map(({ output }) => output).join("\n"));
  }
  await Deno.remove(directory, { recursive: true });
});
