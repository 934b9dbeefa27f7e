import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { turn } from "../src/clock.ts";

setFlagsFromString("--expose-gc");
const gc: () => void = runInNewContext("gc");

/** Collects the garbage, that of pending reactions included. */
export async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    gc();
    await turn();
  }
}

/** The reachable heap, in bytes. */
export function heapBytes(): number {
  gc();
  gc();
  return Deno.memoryUsage().heapUsed;
}
