/**
 * What is told of one key, and what is made of what each source knows of it.
 *
 * @module
 */

import type { SessionOfKey } from "../cluster/snapshot.ts";
import type { ErrorData } from "../error_data.ts";
import type { Pause } from "../pause.ts";
import type { ProcessSnapshot, ProcessSnapshotState } from "../supervisor/snapshot.ts";
import type { Trouble } from "../table/trouble.ts";
import { idOf, shownKey } from "./key_id.ts";

/** A state of a process; or its slot has no live owner; or nothing that could know is looked at. */
export type ItemState = ProcessSnapshotState | "unowned" | "unknown";

/** Every state. */
export const itemStates: readonly ItemState[] = [
  "queued",
  "starting",
  "running",
  "stopping",
  "stuck",
  "retrying",
  "parked",
  "resting",
  "paused",
  "unowned",
  "unknown",
];

/** What is told of one key. */
export interface ProcessItem {
  /** The key as one segment of a URL. */
  readonly id: string;
  /** The key; a bigint as text with `n`. */
  readonly key: string | number | boolean;
  readonly state: ItemState;
  /** Since when it is in this state, epoch ms; absent if that is not known here. */
  readonly sinceAt?: number;
  /** Consecutive failures. */
  readonly failures: number;
  /** When the restart is due, epoch ms. */
  readonly retryAt?: number;
  readonly lastError?: ErrorData;
  readonly pause?: Pause;
  /** What its process has said last. */
  readonly note?: string;
  /** The session that owns it. */
  readonly session?: string;
  /** Whether this instance sees the process itself: of those of other instances, it knows what the table remembers. */
  readonly isSeen: boolean;
}

/** What the sources know of a key. */
export interface Knowledge {
  readonly key: unknown;
  /** What the supervisor of this instance knows. */
  readonly own?: ProcessSnapshot<unknown>;
  readonly pause?: Pause;
  readonly trouble?: Trouble;
  /** The session that owns the slot of the key. */
  readonly owner?: SessionOfKey;
}

/** What can be known at all. */
export interface Outlook {
  /** Whether this instance is in a cluster, and so knows the owners. */
  readonly knowsOwners: boolean;
  /** Whether the supervisor of this instance runs. */
  readonly isRunning: boolean;
}

/** Tells of a key what its instance knows; for another one, what the table remembers. */
export function itemOf({ key, own, pause, trouble, owner }: Knowledge, outlook: Outlook): ProcessItem {
  const named = { id: idOf(key), key: shownKey(key) };
  const session = owner && { session: owner.id };
  if (own) {
    const { state, sinceAt, failures, retryAt, lastError, note } = own;
    return {
      ...named,
      state,
      sinceAt,
      failures,
      ...retryAt !== undefined && { retryAt },
      ...lastError && { lastError },
      ...own.pause && { pause: own.pause },
      ...note !== undefined && { note },
      ...session,
      isSeen: true,
    };
  }
  const live = trouble?.endedAt === undefined ? trouble : undefined;
  const { lastError, retryAt } = live ?? {};
  const sinceAt = pause?.at ?? live?.changedAt;
  return {
    ...named,
    state: pause ? "paused" : live?.state ?? stateOfUnseen(owner, outlook),
    ...sinceAt !== undefined && { sinceAt },
    failures: live?.failures ?? 0,
    ...retryAt !== undefined && !pause && { retryAt },
    ...lastError && { lastError },
    ...pause && { pause },
    ...session,
    isSeen: false,
  };
}

/** A key of which nothing is wrong runs where its slot is owned. One of our own that has no process yet waits for a look at it. */
function stateOfUnseen(owner: SessionOfKey | undefined, { knowsOwners, isRunning }: Outlook): ItemState {
  if (knowsOwners) return owner === undefined ? "unowned" : owner.isSelf ? "queued" : "running";
  return isRunning ? "queued" : "unknown";
}
