/**
 * The viewer: shows what the database tells of a program, on this machine only, and changes nothing.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { encodeBase64Url } from "@std/encoding/base64url";
import { checkShape } from "../check.ts";
import { systemClock } from "../clock.ts";
import { Spectator } from "../cluster/spectator.ts";
import { describeError } from "../error_data.ts";
import type { KvTableKey } from "../kv/keyspace.ts";
import { KvTable } from "../kv/kv_table.ts";
import { nop } from "../process/compose.ts";
import { bearer } from "./authorize.ts";
import { inspect } from "./inspect.ts";

/** How old what is shown of the sessions may be, in ms. */
const maxAgeMs = 4_000;

const usage = `Usage: <path or URL of the KV> --prefix <a string or a JSON array> [--cluster <the same>]
The token of a URL is read from DENO_KV_ACCESS_TOKEN.`;

/** What to show. */
export interface ViewerArguments {
  readonly path: string;
  readonly prefix: Deno.KvKey;
  readonly cluster: Deno.KvKey;
}

/**
 * Reads the arguments.
 *
 * @throws {TypeError} If one is missing, unknown or malformed.
 */
export function parseArguments(args: string[]): ViewerArguments {
  const type = "string", options = { prefix: { type }, cluster: { type } } as const;
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
  const { prefix = "", cluster = "cluster" } = values, [path] = positionals;
  checkShape("path", "one path or URL", positionals.join(" "), positionals.length === 1);
  return { path, prefix: toPrefix("--prefix", prefix), cluster: toPrefix("--cluster", cluster) };
}

function toPrefix(name: string, text: string): Deno.KvKey {
  let key = text === "" ? [] : [text];
  try {
    if (text.startsWith("[")) key = JSON.parse(text);
  } catch (_malformed) {
    key = [];
  }
  const isKey = key.length > 0 && key.every((part) => /^(str|num|boo)/.test(typeof part));
  checkShape(name, "a string or a JSON array of strings, numbers and booleans", text, isKey);
  return key;
}

/**
 * Shows what the arguments name until the program is ended.
 *
 * @returns The exit code: 2 for wrong arguments, 1 for a database that cannot be shown.
 */
export async function view(args: string[]): Promise<number> {
  let known: ViewerArguments | undefined;
  try {
    known = parseArguments(args);
    if (!/^https?:/.test(known.path)) await Deno.stat(known.path); // `openKv` would make a file
    using kv = await Deno.openKv(known.path);
    await serve(kv, known);
    return 0;
  } catch (error) {
    console.error(known ? `Cannot show ${known.path}: ${describeError(error)}` : `${describeError(error)}\n${usage}`);
    return known ? 1 : 2;
  }
}

async function serve(kv: Deno.Kv, { prefix, cluster }: ViewerArguments): Promise<void> {
  const spectator = new Spectator(kv, { prefix: cluster, clock: systemClock });
  let count = NaN;
  const look = async () => {
    await spectator.look(maxAgeMs);
    const before = count;
    count = spectator.snapshot().sessions.length;
    if (count > 0 || count === before) return;
    console.log("No cluster session: a program without a Cluster cannot be seen, only what its table remembers.");
  };
  await look(); // a database that does not answer is told at once

  const token = encodeBase64Url(crypto.getRandomValues(new Uint8Array(24))), isRight = bearer(token);
  const nothing = () => ({ [Symbol.dispose]() {} });
  const handle = inspect({
    table: new KvTable<KvTableKey, unknown>(kv, { prefix, create: () => nop }),
    cluster: Object.assign(spectator, { subscribe: nothing, countBy: nothing }),
    authorize: (request, action) => action.type === "read" && isRight(request, action),
    title: `${prefix.join(" ")} (viewer)`,
  });
  const onListen = ({ port }: Deno.NetAddr) => console.log(`http://127.0.0.1:${port}/#token=${token}`);
  await Deno.serve({ hostname: "127.0.0.1", port: 0, onListen }, async (request) => {
    await look().catch(() => {}); // whatever needs the database tells that it does not answer
    return await handle(request);
  }).finished;
}
