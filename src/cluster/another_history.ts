/**
 * What shows that the database goes on in another history: it was set back to an earlier copy, emptied, or replaced by another
 * one. Pure: no wait, no clock.
 *
 * In one history every commit has a higher versionstamp than all before it, and what was acknowledged stays until something
 * newer takes its place. All that is compared was read strongly: a watch may be late.
 *
 * @module
 */

import type { Beaten, SessionsView } from "./ledger.ts";
import { unreadableStamp } from "./records.ts";

/** What a session knew when it sent a beat. */
export interface BeatKnown {
  /** The nonce that the beat has. */
  readonly nonce: number;
  /** The commit of the last acknowledged beat; `null` before the first. */
  readonly last: string | null;
  /** The commit of the bell; `undefined` if it is not known. */
  readonly bell: string | null | undefined;
  /** The newest commit that the instance knows; "" before the first. */
  readonly newest: string;
}

/**
 * Tells what a beat has shown.
 *
 * @returns To be read after a colon; `undefined` if it shows nothing.
 *
 * @example The number of a commit that came before
 * ```ts
 * import { beatEvidence } from "./another_history.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const evidence = beatEvidence({ nonce: 1, last: "03", bell: "02", newest: "05" }, { nonce: 1, versionstamp: "04" });
 * assertEquals(evidence, "a heartbeat was committed as 04, after a commit of 05");
 * ```
 */
export function beatEvidence({ nonce, last, bell, newest }: BeatKnown, beaten: Beaten): string | undefined {
  if (beaten.versionstamp === null) return bellEvidence(bell, beaten.bell);
  const { versionstamp } = beaten;
  const isOurs = beaten.nonce === nonce; // an earlier one, which was given up, may have landed before much that is known by now
  if (isOurs && versionstamp <= newest) {
    return `a heartbeat was committed as ${versionstamp}, after a commit of ${newest}`;
  }
  return !isOurs && last !== null ? recordEvidence(last, versionstamp) : undefined;
}

/**
 * Tells what a look has shown.
 *
 * @param id The session that looks.
 * @param last The commit of its last beat that was acknowledged before the look; `null` before the first.
 * @param before What an earlier look of the session found.
 * @param now What this one has found.
 * @returns To be read after a colon; `undefined` if it shows nothing.
 */
export function lookEvidence(
  { id, last }: { readonly id: string; readonly last: string | null },
  before: SessionsView,
  now: SessionsView,
): string | undefined {
  const own = now.sessions.get(id)?.versionstamp;
  if (own !== undefined && last !== null && own !== unreadableStamp) {
    const evidence = recordEvidence(last, own);
    if (evidence !== undefined) return evidence;
  }
  for (const [other, { versionstamp }] of now.sessions) {
    const known = before.sessions.get(other)?.versionstamp ?? "";
    if (versionstamp !== unreadableStamp && versionstamp < known) {
      return `the record of session ${other} is of ${versionstamp}, and was of ${known}`;
    }
  }
  return bellEvidence(before.bell, now.bell);
}

/** Returns the newest commit among those of the sessions and of the bell, and another one. */
export function newestCommit({ sessions, bell }: SessionsView, known: string): string {
  let newest = bell != null && bell > known ? bell : known;
  for (const { versionstamp } of sessions.values()) if (versionstamp > newest) newest = versionstamp;
  return newest;
}

function recordEvidence(last: string, now: string): string | undefined {
  return now < last ? `the record of this session is of ${now}, and was of ${last}` : undefined;
}

function bellEvidence(before: string | null | undefined, now: string | null | undefined): string | undefined {
  if (before == null || now === undefined || (now ?? "") >= before) return undefined;
  return `the last change of ownership was ${before}, and is now ${now ?? "none"}`;
}
