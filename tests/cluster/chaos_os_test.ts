/**
 * Chaos on one file.
 *
 * A pause may hit an instance while it holds the lock of the file. Then no instance can write until it is woken: all others
 * are fenced, as they must be, and none can take over. An observer measures how long the database takes no writes, and
 * the bound on the time without an owner is longer by as much.
 */

import { assertEquals } from "@std/assert";
import { sized } from "../size.ts";
import { maxOwnerlessMs, wreak } from "./chaos_run.ts";
import { withDatabase } from "./havoc.ts";

const chaosMs = Number(Deno.env.get("CHAOS_MS") ?? sized({ short: 12_000, full: 60_000 }));
const span = `for ${chaosMs / 1_000} s`;

Deno.test(`instances that are killed, paused and restarted ${span} leave every process with one owner`, async () => {
  await withDatabase(async (_kv, path) => {
    const isLate = ({ durationMs, outageMs }: { durationMs: number; outageMs: number }) =>
      durationMs > maxOwnerlessMs + outageMs;
    const { resent } = await wreak({ forMs: chaosMs, path, isLate });
    assertEquals(resent, 0, "a write to a file landed twice");
  });
});
