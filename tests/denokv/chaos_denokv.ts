/** Chaos on the real self-hosted server, which is killed and frozen, too. */

import { maxOwnerlessMs, wreak } from "../cluster/chaos_run.ts";
import { fill } from "../cluster/havoc.ts";
import { sized } from "../size.ts";
import { Denokv } from "./server.ts";

const chaosMs = sized({ short: 20_000, full: 60_000 });
const span = `for ${chaosMs / 1_000} s`;

Deno.test(`instances and a denokv that are killed, paused and restarted ${span} leave every process with one owner`, async () => {
  await using server = await Denokv.start();
  using kv = await server.open();
  await fill(kv);
  // An instance that was fenced while the server was away judges the others from the beginning when it is back.
  await wreak({ forMs: chaosMs, path: server.url, server, isLate: ({ calmMs }) => calmMs > maxOwnerlessMs });
});
