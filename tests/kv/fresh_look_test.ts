import { assertEquals } from "@std/assert";
import { Supervisor } from "@pact/supervisor";
import { botTable } from "./fixtures.ts";

/** Lets one read of an entry come, and holds its answer back until the gate opens. */
function holdAnswer(kv: Deno.Kv, key: string) {
  const [read, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const getMany = kv.getMany.bind(kv);
  kv.getMany = async <T extends readonly unknown[]>(kvKeys: readonly [...{ [K in keyof T]: Deno.KvKey }]) => {
    const rows = await getMany<T>(kvKeys);
    if (kvKeys[0].at(-1) !== key) return rows;
    kv.getMany = getMany;
    read.resolve();
    await gate.promise;
    return rows;
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
