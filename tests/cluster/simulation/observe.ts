/**
 * A database that tells a simulation what lands in it.
 *
 * @module
 */

import type { Checks } from "./checks.ts";

/** What a process writes. */
interface Written {
  readonly key: string;
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
  const { commit, set, delete: remove } = atomic;
  atomic.set = (key, value, options) => {
    effects.push((versionstamp) => note(key, value, versionstamp, checks, written));
    return set.call(atomic, key, value, options);
  };
  atomic.delete = (key) => {
    effects.push(() => note(key, undefined, undefined, checks, written));
    return remove.call(atomic, key);
  };
  atomic.commit = async () => {
    const result = await commit.call(atomic);
    if (result.ok) { for (const effect of effects) effect(result.versionstamp); }
    return result;
  };
  return atomic;
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
    const { key: name, token } = value as Written;
    written();
    checks.landed(name, token);
  } else if (key.at(-2) === "claim") {
    if (versionstamp) checks.claims.set(last as number, versionstamp);
    else checks.claims.delete(last as number);
  } else if (key.at(-2) === "session") {
    if (versionstamp) checks.sessions.set(last as string, versionstamp);
    else checks.sessions.delete(last as string);
  }
}
