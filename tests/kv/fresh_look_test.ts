import { assertEquals } from "@std/assert";
import { Supervisor } from "@pact/supervisor";
import { botTable } from "./fixtures.ts";

/** Lets one read of an entry come, and holds its answer back until the gate opens. */
function holdAnswer(kv: Deno.Kv, key: string) {
  const [read, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const get = kv.get.bind(kv);
  kv.get = async <T>(kvKey: Deno.KvKey) => {
    const row = await get<T>(kvKey);
    if (kvKey.at(-1) !== key) return row;
    kv.get = get;
    read.resolve();
    await gate.promise;
    return row;
  };
  return { read: read.promise, gate };
}

Deno.test("Supervisor.ensure() finds what was set in a KvTable although the answer that it is gone is under way", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  const supervisor = new Supervisor(table);
  await supervisor.run(async () => {
    await table.set("a", 1);
    await supervisor.ensure("a");
    const { read, gate } = holdAnswer(kv, "a");
    await table.delete("a");
    await read;
    await table.set("a", 2);
    await supervisor.stop("a");
    const ensured = supervisor.ensure("a");
    gate.resolve();
    assertEquals((await ensured).spec, 2);
  });
});
