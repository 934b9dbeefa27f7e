import { assertEquals } from "@std/assert";
import { MemoryKv } from "../memory_kv/memory_kv.ts";
import { TallyKv } from "./tally_kv.ts";

async function threeRows(): Promise<TallyKv> {
  const kv = new MemoryKv();
  for (const i of [1, 2, 3]) await kv.set(["row", i], i);
  return new TallyKv(kv);
}

const readings: [name: string, read: (kv: Deno.Kv) => Promise<unknown>, rows: number][] = [
  ["a get", (kv) => kv.get(["row", 1]), 1],
  ["a get of nothing", (kv) => kv.get(["nothing"]), 1],
  ["a getMany", (kv) => kv.getMany([["row", 1], ["nothing"]]), 2],
  ["a listing", (kv) => Array.fromAsync(kv.list({ prefix: ["row"] }, { batchSize: 2 })), 3],
  ["a set", (kv) => kv.set(["row", 4], 4), 0],
  ["a commit", (kv) => kv.atomic().set(["row", 4], 4).commit(), 0],
];

for (const [name, read, rows] of readings) {
  Deno.test(`TallyKv counts ${rows} rows of ${name}, and a pending call until it is answered`, async () => {
    using kv = await threeRows();
    const reading = read(kv);
    assertEquals([kv.rows, kv.pendingCalls], [0, 1]);
    await reading;
    assertEquals([kv.rows, kv.pendingCalls], [rows, 0]);
  });
}

Deno.test("TallyKv does not count a watch that waits for a change", async () => {
  using kv = await threeRows();
  const reader = kv.watch([["row", 1]]).getReader();
  await reader.read();
  void reader.read();
  assertEquals([kv.rows, kv.pendingCalls], [0, 0]);
  await reader.cancel();
});
