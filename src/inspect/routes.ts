/**
 * What a path asks for. It goes by the end of the path, since it is not told where it is mounted.
 *
 * @module
 */

import { type InspectKey, keyOfId } from "./key_id.ts";
import { Problem } from "./problem.ts";

/** What can be done to a key. */
export type KeyAction = "restart" | "pause" | "resume" | "start" | "abandon";

/** What can be done to the whole table. */
export type TableAction = "restart" | "pause" | "resume";

/** What is asked for. */
export type Route =
  | {
    readonly type: "page" | "overview" | "processes" | "rights" | "events" | "metrics" | "health" | "livez" | "readyz";
  }
  | { readonly type: "process"; readonly key: InspectKey }
  | { readonly type: "act"; readonly action: KeyAction; readonly key: InspectKey }
  | { readonly type: "act-on-table"; readonly action: TableAction };

const ofKey = /\/api\/processes\/([^/]*)(?:\/(restart|pause|resume|start|abandon))?$/;
const ofTable = /\/api\/(restart|pause|resume)$/;
const plain = /\/(?:api\/(overview|processes|rights|events)|(metrics|health|livez|readyz))$/;

/**
 * Finds the route.
 *
 * @param path The path of a URL, as it came.
 * @returns The route; `undefined` if there is none.
 * @throws {Problem} 400, if the id of a key is none.
 */
export function routeOf(path: string): Route | undefined {
  const [isOfKey, id, action] = ofKey.exec(path) ?? [];
  if (isOfKey !== undefined) {
    const key = keyOfId(id);
    if (key === undefined) throw new Problem(400, "The id of the process is not base64url of a type and a key");
    return action === undefined ? { type: "process", key } : { type: "act", key, action: action as KeyAction };
  }
  const [, tableAction] = ofTable.exec(path) ?? [];
  if (tableAction !== undefined) return { type: "act-on-table", action: tableAction as TableAction };
  if (path.endsWith("/")) return { type: "page" };
  const [, data, face] = plain.exec(path) ?? [];
  const type = data ?? face;
  return type === undefined ? undefined : { type } as Route;
}

/** Tells which methods a route takes. */
export function methodsOf({ type }: Route): readonly string[] {
  return type === "act" || type === "act-on-table" ? ["POST"] : ["GET", "HEAD"];
}
