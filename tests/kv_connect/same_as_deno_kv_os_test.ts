import { anyError, assertAlike } from "../memory_kv/alike.ts";
import { nextSoundOperation } from "./operations.ts";
import { KvConnectServer } from "./server.ts";

Deno.test(`KvConnectServer: answers 2 000 random operations as Deno's own database does`, async () => {
  await using server = KvConnectServer.start();
  using other = await server.open();
  using real = await Deno.openKv(":memory:");
  await assertAlike({ real, other, seed: 4, steps: 2_000, next: nextSoundOperation, tell: anyError });
});
