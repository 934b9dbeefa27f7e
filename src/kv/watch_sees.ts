/**
 * Whose changes a watch of a database sees, as far as that can be told without a try.
 *
 * @module
 */

import { readEnvironment } from "./environment.ts";

/**
 * Whose changes a watch sees: on Deno Deploy and over KV Connect those of everybody, on a file those of this OS process.
 */
export type WatchSees = "everybody" | "this process";

/**
 * Guesses whose changes a watch sees. The environment is read only where that needs no prompt. When in doubt the answer is
 * "this process": then changes are polled for, which is always right and cheap on a file.
 *
 * @param path What the database was opened with, if anything.
 */
export function guessWatchSees(path: string | undefined): WatchSees {
  // On Deno Deploy a database that is opened without a path is that of the app.
  const isShared = path === undefined ? Boolean(readEnvironment("DENO_DEPLOYMENT_ID")) : isRemote(path);
  return isShared ? "everybody" : "this process";
}

/** Tells whether a database is opened over KV Connect: with a URL. */
export function isRemote(path: string): boolean {
  return /^https?:\/\//i.test(path);
}
