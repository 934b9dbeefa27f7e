/**
 * What a path asks for, by its end: it is not told where it is mounted.
 *
 * @module
 */

import { keyOfId } from "./key_id.ts";
import { Problem } from "./problem.ts";

/** What can be done to a process; all but the last two, to the whole table. */
export const actions = ["restart", "pause", "resume", "start", "abandon"] as const;

/** What is asked for. An action without a key is one on the whole table. */
export type Route =
  | {
    readonly type: "page" | "overview" | "processes" | "rights" | "events" | "metrics" | "health" | "livez" | "readyz";
  }
  | { readonly type: "process"; readonly key: unknown }
  | { readonly type: "act"; readonly action: (typeof actions)[number]; readonly key?: unknown };

const ofKey = /\/api\/processes\/([^/]*)(?:\/(restart|pause|resume|start|abandon))?$/;
const ofTable = /\/api\/(restart|pause|resume)$/;
const plain = /\/(?:api\/(overview|processes|rights|events)|(metrics|health|livez|readyz))?$/;

/** Finds the route; `undefined` for an unknown path. */
export function routeOf(path: string): Route | undefined {
  const [found, id, action = ofTable.exec(path)?.[1]] = ofKey.exec(path) ?? [];
  const key = found === undefined ? undefined : keyOfId(id);
  if (found !== undefined && key === undefined) {
    throw new Problem(400, "This is not the id of a process: base64url of a key");
  }
  if (action !== undefined) return { type: "act", action, ...key !== undefined && { key } } as Route;
  if (key !== undefined) return { type: "process", key };
  const [other, data, face = "page"] = plain.exec(path) ?? [];
  return other === undefined ? undefined : { type: data ?? face } as Route;
}
