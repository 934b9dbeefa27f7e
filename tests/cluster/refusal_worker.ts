/** Runs a cluster in a Web Worker on the database that it was told, and tells what became of it. */

import { Cluster } from "../../src/cluster/mod.ts";

const scope = self as unknown as Worker;

scope.addEventListener("message", async ({ data: { path } }: MessageEvent<{ path?: string }>) => {
  using kv = await Deno.openKv(path);
  try {
    await new Cluster(kv, { path }).run(() => {});
    scope.postMessage("ran");
  } catch (error) {
    scope.postMessage(String(error));
  }
});
