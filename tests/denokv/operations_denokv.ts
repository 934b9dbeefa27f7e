/** The databases that tests use in place of a remote one answer as the real self-hosted server does. */

import { nextSoundOperation } from "../kv_connect/operations.ts";
import { KvConnectServer } from "../kv_connect/server.ts";
import { anyError, assertAlike } from "../memory_kv/alike.ts";
import { nextU64Operation } from "../memory_kv/kv_operations.ts";
import { MemoryKv } from "../memory_kv/memory_kv.ts";
import { Denokv } from "./server.ts";

const seed = 4;
const steps = 2_000;

const others: readonly [name: string, open: () => Promise<Deno.Kv>][] = [
  ["Deno.openKv()", () => Deno.openKv(":memory:")],
  ["MemoryKv", () => Promise.resolve(new MemoryKv())],
];

for (const [name, open] of others) {
  Deno.test(`${name} answers ${steps} random operations as denokv does`, async () => {
    await using server = await Denokv.start();
    using real = await server.open();
    using other = await open();
    await assertAlike({ real, other, seed, steps, next: nextU64Operation, tell: anyError });
  });
}

Deno.test(`KvConnectServer answers ${steps} random operations as denokv does, errors included`, async () => {
  await using server = await Denokv.start();
  await using otherServer = KvConnectServer.start();
  using real = await server.open();
  using other = await otherServer.open();
  const tell = ({ name, message }: Error) => [name, message.replace(/'http.*?'/, "")];
  await assertAlike({ real, other, seed, steps, next: nextSoundOperation, tell });
});
