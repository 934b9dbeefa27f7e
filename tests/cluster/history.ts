/**
 * The rule that the history of one process must obey: one owner after the other, none of them ever back. Pure.
 *
 * @module
 */

import type { Line } from "./chaos.ts";

/** A line and the commit that wrote it. */
export interface Written extends Line {
  readonly versionstamp: string;
}

/**
 * Says what is wrong with the history of one process.
 *
 * @param lines Its lines, in the order of their commits.
 * @param tokens The tokens of all claims on its slot, in the order of their commits.
 * @returns Nothing, when nothing is.
 */
export function violationsOf(lines: readonly Written[], tokens: readonly string[]): string[] {
  const violations: string[] = [];
  let before: Written | undefined;
  for (const line of lines) {
    const { owner, token, seq, versionstamp } = line;
    const isSame = before?.token === token;
    const shown = `line ${seq} of ${owner} under ${token}`;
    if (before && token < before.token) violations.push(`${shown} comes behind token ${before.token}`);
    if (isSame && owner !== before?.owner) violations.push(`${shown} bears the token of ${before?.owner}`);
    const expected = isResent(line, before) ? before.seq : isSame ? before!.seq + 1 : 1;
    if (seq !== expected) violations.push(`${shown} stands where line ${expected} should be`);
    const newer = tokens.find((other) => other > token && other < versionstamp);
    if (newer) violations.push(`${shown} was written after the claim ${newer}`);
    before = line;
  }
  return violations;
}

/** Whether a write landed a second time: a client sends one again when the reply was lost. */
export function isResent(line: Written, before: Written | undefined): before is Written {
  return line.id === before?.id;
}
