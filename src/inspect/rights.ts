/**
 * What a request could do, so that a page shows no button that would be refused.
 *
 * @module
 */

import { ask, type Authorize, type InspectAction } from "./authorize.ts";
import type { KeyAction, TableAction } from "./routes.ts";
import type { Sources } from "./sources.ts";

/** What can be done. */
export interface Rights {
  /** To one key. */
  readonly actions: readonly KeyAction[];
  /** To the whole table. */
  readonly table: readonly TableAction[];
}

/** Asks for every action that table and supervisor can do. The answer is no promise: each request is asked again. */
export async function rightsOf<K>({ table, settings }: Sources<K>, request: Request): Promise<Rights> {
  const { authorize, supervisor } = settings;
  const possible: Record<KeyAction, boolean> = {
    restart: table?.restart !== undefined || supervisor !== undefined,
    pause: table?.pause !== undefined,
    resume: table?.resume !== undefined,
    start: supervisor !== undefined,
    abandon: supervisor !== undefined,
  };
  const whole: Record<TableAction, boolean> = {
    restart: table?.restartAll !== undefined,
    pause: table?.pauseAll !== undefined,
    resume: table?.resumeAll !== undefined,
  };
  const actions: KeyAction[] = [];
  for (const [type, isPossible] of Object.entries(possible) as [KeyAction, boolean][]) {
    if (isPossible && await may(authorize, request, { type })) actions.push(type);
  }
  return {
    actions,
    table: (["restart", "pause", "resume"] as const).filter((each) => whole[each] && actions.includes(each)),
  };
}

async function may(authorize: Authorize, request: Request, action: InspectAction): Promise<boolean> {
  try {
    return !(await ask(authorize, request, action) instanceof Response);
  } catch (_refused) {
    return false;
  }
}
