/**
 * The viewer: shows what the database tells of a program, on this machine only, and changes nothing.
 *
 * @module
 */

import { encodeBase64Url } from "@std/encoding/base64url";
import { systemClock } from "../clock.ts";
import { Spectator } from "../cluster/spectator.ts";
import { describeError } from "../error_data.ts";
import type { KvTableKey } from "../kv/keyspace.ts";
import { KvTable } from "../kv/kv_table.ts";
import { nop } from "../process/compose.ts";
import { type Authorize, bearer } from "./authorize.ts";
import { inspect } from "./inspect.ts";

/** How old what is told of the sessions may be, in ms: nothing is read while nothing is asked for. */
const maxAgeMs = 2_000;

const usage =
  `Usage: <path or URL of the KV> --prefix <a string or a JSON array> [--cluster <the same>] [--port <number>]

Shows a program by what its database tells. Nothing is written.`;

/** What the viewer is told. */
export interface ViewerArguments {
  readonly path: string;
  readonly prefix: Deno.KvKey;
  readonly cluster: Deno.KvKey;
  readonly port: number;
}

/**
 * Reads the arguments.
 *
 * @returns What they say; `undefined` if they cannot be understood.
 */
export function parseArguments(all: readonly string[]): ViewerArguments | undefined {
  const named = new Map<string, string>(), paths: string[] = [];
  for (let index = 0; index < all.length; index++) {
    const [, name, value] = /^--(prefix|cluster|port)(?:=(.*))?$/s.exec(all[index]) ?? [];
    if (name !== undefined) named.set(name, value ?? all[++index] ?? "");
    else if (all[index].startsWith("--")) return undefined;
    else paths.push(all[index]);
  }
  const prefix = toPrefix(named.get("prefix")), cluster = toPrefix(named.get("cluster") ?? "cluster");
  const port = Number(named.get("port") ?? 0);
  const isPort = Number.isInteger(port) && port >= 0 && port < 65_536;
  if (paths.length !== 1 || !prefix || !cluster || !isPort) return undefined;
  return { path: paths[0], prefix, cluster, port };
}

/**
 * Runs the viewer until its signal aborts.
 *
 * @param all The arguments.
 * @returns The exit code.
 */
export async function view(all: readonly string[], signal?: AbortSignal): Promise<number> {
  const parsed = parseArguments(all);
  if (!parsed) {
    console.error(usage);
    return 2;
  }
  try {
    using kv = await Deno.openKv(parsed.path);
    await serve(kv, parsed, signal);
    return 0;
  } catch (error) {
    console.error(`Cannot show ${parsed.path}: ${describeError(error)}`);
    return 1;
  }
}

async function serve(kv: Deno.Kv, { prefix, cluster, port }: ViewerArguments, signal?: AbortSignal): Promise<void> {
  const table = new KvTable<KvTableKey, unknown>(kv, { prefix, create: () => nop });
  const spectator = new Spectator(kv, { prefix: cluster, clock: systemClock });
  await spectator.look(0); // a database that does not answer is told at once
  const token = encodeBase64Url(crypto.getRandomValues(new Uint8Array(24)));
  const isRight = bearer(token);
  const authorize: Authorize = (request, action) => action.type === "read" && isRight(request, action);
  const seen = {
    snapshot: () => spectator.snapshot(),
    sessionOf: (key: KvTableKey) => spectator.sessionOf(key),
    subscribe: () => nothing,
    countBy: () => nothing,
  };
  const handle = inspect({ table, cluster: seen, authorize, title: `${prefix.join(" ")} (viewer)`, signal });
  const onListen = ({ port }: { port: number }) => console.log(`http://127.0.0.1:${port}/#token=${token}`);
  const server = Deno.serve({ hostname: "127.0.0.1", port, signal, onListen }, async (request) => {
    // What fails here fails again, and is told, where it is asked for.
    await spectator.look(maxAgeMs).catch(() => {});
    return await handle(request);
  });
  if (spectator.snapshot().sessions.length === 0) {
    console.log(
      "There is no cluster session: a program without a Cluster cannot be seen, but for what the table remembers.",
    );
  }
  await server.finished;
}

const nothing: Disposable = { [Symbol.dispose]() {} };

function toPrefix(text: string | undefined): Deno.KvKey | undefined {
  if (text === undefined || text === "") return undefined;
  if (!text.startsWith("[")) return [text];
  try {
    return JSON.parse(text);
  } catch (_malformed) {
    return undefined;
  }
}
