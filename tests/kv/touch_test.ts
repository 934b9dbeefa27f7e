import { assertEquals, assertRejects } from "@std/assert";
import { Supervisor } from "@pact/supervisor";
import { KvClosedError } from "../../src/kv/mod.ts";
import { failWith, FaultyKv } from "../../src/testing/mod.ts";
import { botTable } from "./fixtures.ts";
import { ManualClock } from "./manual_clock.ts";

Deno.test("KvTable.touch() announces what was written with kv.set", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  const changes = table.changes({ signal: new AbortController().signal })[Symbol.asyncIterator]();
  const waiting = changes.next();
  await kv.set(["bots", "a"], 1);
  await table.touch("a");
  assertEquals(await waiting, { done: false, value: "a" });
  await changes.return?.();
});

Deno.test("KvTable.touch() writes the generation and the log only", async () => {
  using kv = await Deno.openKv(":memory:");
  const table = botTable(kv);
  const { versionstamp } = await kv.set(["bots", "a"], 1);
  await table.touch("a");
  await table.touch("b");
  const rows = await Array.fromAsync(kv.list({ prefix: [] }));
  assertEquals(rows.map(({ key, value }) => [key.slice(0, 3).join(" "), (value as { key: string }).key]), [
    ['@pact/supervisor ["bots"] generation', undefined],
    ['@pact/supervisor ["bots"] log', "a"],
    ['@pact/supervisor ["bots"] log', "b"],
    ["bots a", undefined],
  ]);
  assertEquals(rows.at(-1)?.versionstamp, versionstamp);
});

Deno.test("KvTable.touch() has a process started whose entry was written with kv.set, without a poll or a pass", async () => {
  using kv = await Deno.openKv(":memory:");
  const clock = new ManualClock();
  const table = botTable(kv, { clock });
  const supervisor = new Supervisor(table, { clock });
  await supervisor.run(async () => {
    const running = Promise.withResolvers<void>();
    supervisor.subscribe(({ type }) => type === "running" && running.resolve());
    await kv.set(["bots", "a"], 1);
    await table.touch("a");
    await running.promise;
    assertEquals(supervisor.get("a").spec, 1);
  });
});

Deno.test("KvTable.touch() refuses what can be no key, and writes nothing then", async () => {
  using kv = await Deno.openKv(":memory:");
  await assertRejects(() => botTable(kv).touch(NaN), TypeError, "Cannot use NaN as a key");
  assertEquals(await Array.fromAsync(kv.list({ prefix: [] })), []);
});

Deno.test("KvTable.touch() rejects with the reason of its signal, and names itself when it fails", async () => {
  using kv = new FaultyKv(await Deno.openKv(":memory:"));
  const table = botTable(kv);
  const reason = new Error("enough");
  assertEquals(await table.touch("a", { signal: AbortSignal.abort(reason) }).catch((error) => error), reason);
  kv.inject("commit", failWith(new Error("broken")));
  await assertRejects(() => table.touch("a"), Error, "broken");
  const closed = await Deno.openKv(":memory:");
  closed.close();
  await assertRejects(() => botTable(closed).touch("a"), KvClosedError, 'Cannot touch entry "a"');
});
