import { assertAlike } from "./alike.ts";
import { nextOperation } from "./kv_operations.ts";
import { MemoryKv } from "./memory_kv.ts";
import { sized } from "../size.ts";

const seeds = sized({ short: 3, full: 10 });

Deno.test(`MemoryKv answers ${seeds} 000 random operations as Deno.openKv() does`, async () => {
  const first = Number(Deno.env.get("MEMORY_KV_SEED") ?? 1);
  for (let seed = first; seed < first + seeds; seed++) {
    using real = await Deno.openKv(":memory:");
    using other = new MemoryKv();
    await assertAlike({ real, other, seed, steps: 1_000, next: nextOperation });
  }
});
