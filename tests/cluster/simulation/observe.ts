/**
 * A database that tells a simulation what lands in it.
 *
 * @module
 */

import type { Trouble } from "@pact/supervisor";
import type { Checks } from "./checks.ts";

/** What a process writes. */
interface Written {
  readonly key: string;
  readonly session: string;
  readonly token: string;
}

/** Wraps a database. What is committed to it is told right when it has landed. */
export function observe(kv: Deno.Kv, checks: Checks, written: () => void): Deno.Kv {
  const observed = new Proxy(kv, {
    get(target, name) {
      if (name === "atomic") return () => observeAtomic(target.atomic(), checks, written);
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  return observed;
}

function observeAtomic(atomic: Deno.AtomicOperation, checks: Checks, written: () => void): Deno.AtomicOperation {
  const effects: ((versionstamp: string) => void)[] = [];
  /** What others must hear of, if it is a change at the moment in which it lands. */
  const news: (() => string | undefined)[] = [];
  /** The claims that are taken and the beats, once it is known what is checked. */
  const guarded: (() => void)[] = [];
  /** At which commit the record of each session must stand for the operation to land, `null` if none may be there. */
  const sessions = new Map<string, string | null>();
  let isRung = false;
  const { commit, check, set, delete: remove } = atomic;
  atomic.check = (...asked) => {
    for (const { key, versionstamp } of asked) {
      if (key.at(-2) === "session") sessions.set(String(key.at(-1)), versionstamp);
    }
    return check.call(atomic, ...asked);
  };
  atomic.set = (key, value, options) => {
    effects.push((versionstamp) => note(key, value, versionstamp, checks, written));
    news.push(() => newsOf(key, value, checks));
    if (isSession(key)) {
      guarded.push(() => checks.beaten(String(key.at(-1)), nonceIn(value), sessions.get(String(key.at(-1)))));
    }
    if (key.at(-2) === "claim") guarded.push(() => checks.taken(Number(key.at(-1)), ownerIn(value), sessions));
    isRung ||= isBell(key);
    return set.call(atomic, key, value, options);
  };
  atomic.delete = (key) => {
    effects.push(() => note(key, undefined, undefined, checks, written));
    news.push(() => newsOf(key, undefined, checks));
    return remove.call(atomic, key);
  };
  atomic.commit = async () => {
    const result = await commit.call(atomic);
    if (!result.ok) return result;
    const unheard = news.map((tell) => tell()).find((each) => each !== undefined);
    if (unheard !== undefined && !isRung) checks.unrung(unheard);
    for (const tell of guarded) tell();
    for (const effect of effects) effect(result.versionstamp);
    return result;
  };
  return atomic;
}

function isBell(key: Deno.KvKey): boolean {
  return key.at(-1) === "!bell";
}

/** Says what is changed by a write that is about to land, if others must hear of it at once. */
function newsOf(key: Deno.KvKey, value: unknown, checks: Checks): string | undefined {
  const [kind, last] = key.slice(-2);
  if (last === "revisions") return "the order of the revisions was changed";
  if (kind === "claim") return `slot ${String(last)} was ${value === undefined ? "given back" : "taken"}`;
  if (kind !== "session" || isBell(key)) return undefined;
  if (value === undefined) return `session ${String(last)} was deleted`;
  const told = toldBy(value), before = checks.told.get(String(last)) ?? toldBy({});
  return told === before ? undefined : `session ${String(last)}, which ${before}, ${told}`;
}

function note(
  key: Deno.KvKey,
  value: unknown,
  versionstamp: string | undefined,
  checks: Checks,
  written: () => void,
): void {
  const last = key.at(-1);
  if (key[0] === "out") {
    const { key: name, session, token } = value as Written;
    written();
    checks.landed(name, session, token);
  } else if (key.at(-2) === "claim") {
    if (value === undefined) checks.owners.delete(Number(last));
    else checks.owners.set(Number(last), ownerIn(value));
  } else if (key.at(-3) === "token") {
    const claim = `${String(key.at(-2))} ${String(last)}`;
    if (versionstamp) checks.claimed(claim);
    if (versionstamp) checks.claims.set(claim, versionstamp);
    else checks.claims.delete(claim);
  } else if (key.at(-2) === "trouble" && value !== undefined) {
    const { version, trouble } = value as { version: string; trouble: Trouble };
    checks.reported(String(last), version, trouble);
  } else if (isSession(key)) {
    if (value === undefined) checks.told.delete(last as string);
    else checks.told.set(last as string, toldBy(value));
    if (versionstamp) checks.sessions.set(last as string, versionstamp);
    else checks.sessions.delete(last as string);
  }
}

/** Takes note of what stands in a database that was set back. */
export async function observeAll(kv: Deno.Kv, checks: Checks): Promise<void> {
  checks.setBack();
  checks.versions.clear();
  checks.pausedSinceMs.clear();
  for await (const { key, value, versionstamp } of kv.list({ prefix: [] })) {
    if (key[0] === "bots") checks.versions.set(String(key[1]), versionstamp);
    if (key.at(-2) === "trouble") continue; // of what was, no one says anything any more
    if (key.at(-2) === "pause") checks.pausedSinceMs.set(String(key.at(-1)), Infinity);
    if (key[0] !== "out") note(key, value, versionstamp, checks, () => {});
  }
}

function isSession(key: Deno.KvKey): boolean {
  return key.at(-2) === "session" && !isBell(key);
}

function nonceIn(beat: unknown): number {
  return (beat as { readonly nonce: number }).nonce;
}

/** The session that a claim names. */
function ownerIn(claim: unknown): string {
  return (claim as { readonly session: string }).session;
}

/** What a session says of what it can be given. */
function toldBy(value: unknown): string {
  const { accepts, isProven } = value as { readonly accepts?: boolean; readonly isProven?: boolean };
  return `${accepts ? "accepts" : "refuses"} slots and has proven ${isProven ? "itself" : "nothing"}`;
}
