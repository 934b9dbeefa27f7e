/**
 * Random operations on a Deno KV, each a function that can be run on several databases.
 *
 * @module
 */

/** What an operation works on: a database, and the versionstamps that its commits gave so far. */
export interface Subject {
  readonly kv: Deno.Kv;
  readonly stamps: string[];
}

/** Something to do. The same thing is done whatever it is run on. */
export interface Operation {
  readonly name: string;
  readonly run: (subject: Subject) => unknown;
}

type Random = () => number;

// deno-fmt-ignore
const parts: Deno.KvKeyPart[] = [
  "a", "b", "", "\0", "a\0b", "é", "\ud800", "\uffff", "\u{10000}", 0, -0, 1, -1.5, 1e300, NaN, Infinity, -Infinity,
  0n, 1n, -1n, 255n, 256n, -255n, -256n, 2n ** 64n, 2n ** 70n, -(2n ** 64n), true, false,
  new Uint8Array(), Uint8Array.of(0, 255), Uint8Array.of(1), Uint8Array.of(255),
];

class Point {
  x = 1;
}

const cycle: Record<string, unknown> = { name: "cycle" };
cycle.self = [cycle];

// deno-fmt-ignore
const values: unknown[] = [
  undefined, null, true, 0, -0, NaN, 1.5, "text", "é\ud800", 3n, -(2n ** 65n), [], [1, [2, { a: "b" }]], {}, { a: { b: [null, undefined] } },
  [, 1], Object.assign([1], { extra: 2 }), { ["__proto__"]: 1, [Symbol("s")]: 2 }, Object.create(null), new Point(), new Date(5), new Map([[1, { a: 2 }]]),
  new Set(["a"]), /x/g, cycle, new Uint8Array(), Uint8Array.of(1, 2), new Uint16Array([1, 2]), { bytes: Uint8Array.of(3) },
  new Deno.KvU64(7n), { nested: new Deno.KvU64(7n) },
];

// deno-fmt-ignore
const oddValues: unknown[] = [
  "x".repeat(65_530), "x".repeat(65_531), "€".repeat(32_765), "€".repeat(32_766), new Uint8Array(65_536), new Uint8Array(65_537),
  () => 1, { f() {} }, Symbol("s"), new WeakMap(),
];

// deno-fmt-ignore
const badKeys: unknown[] = [[], [null], [{}], ["x".repeat(2_046)], ["x".repeat(2_047)], ["x".repeat(2_048)], [Symbol("s")], ["t", new Uint16Array([1])]];

const u64s = [0n, 1n, 2n ** 63n, 2n ** 64n - 1n];

/** What numbers are computed with; the first two are the only ones that every server computes with. */
const operands = [new Deno.KvU64(2n ** 64n - 1n), new Deno.KvU64(3n), 1, 2.5, 2n, -1n, 2n ** 64n, "text"];

/** Makes the next operation. */
export function nextOperation(random: Random): Operation {
  return operationWith(random, operands);
}

/** Makes the next operation, without any that computes with something else than a `Deno.KvU64`. */
export function nextU64Operation(random: Random): Operation {
  return operationWith(random, operands.slice(0, 2));
}

function operationWith(random: Random, operands: readonly unknown[]): Operation {
  const write = (random: Random) => atomic(random, operands);
  return pick(random, [get, getMany, set, set, remove, list, list, write, write, write])(random);
}

function get(random: Random): Operation {
  const key = keyOf(random);
  return { name: `get ${Deno.inspect(key)}`, run: ({ kv }) => kv.get(key) };
}

function getMany(random: Random): Operation {
  const keys = Array.from({ length: int(random, 12) }, () => keyOf(random));
  return { name: `getMany ${Deno.inspect(keys)}`, run: ({ kv }) => kv.getMany(keys) };
}

function set(random: Random): Operation {
  const key = keyOf(random);
  const value = valueOf(random);
  const options = mostly(random, [undefined, { expireIn: 1e9 }], [{ expireIn: -1 }, { expireIn: 1.5 }]);
  return {
    name: `set ${Deno.inspect([key, value, options])}`,
    run: async ({ kv, stamps }) => {
      const result = await kv.set(key, value, options);
      stamps.push(result.versionstamp);
      return result;
    },
  };
}

function remove(random: Random): Operation {
  const key = keyOf(random);
  return { name: `delete ${Deno.inspect(key)}`, run: ({ kv }) => kv.delete(key) };
}

function list(random: Random): Operation {
  const selector = selectorOf(random);
  const options = listOptionsOf(random);
  const next = { ...listOptionsOf(random), reverse: options.reverse };
  const steps = 1 + int(random, 8);
  const cursor = mostly(random, [undefined], ["", "!!", "AA", "AA==", "AmEA", "Jw=="]);
  return {
    name: `list ${Deno.inspect([selector, { ...options, cursor }, steps, next])}`,
    run: async ({ kv }) => {
      const listing = kv.list(selector, { ...options, cursor });
      const first = await readSome(listing, steps);
      return [first, await readSome(kv.list(selector, { ...next, cursor: listing.cursor }), steps)];
    },
  };
}

/** Reads some rows, and the cursor behind each. */
async function readSome(listing: Deno.KvListIterator<unknown>, steps: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (let i = 0; i < steps; i++) {
    const row = await listing.next();
    seen.push(row, decode(listing.cursor));
  }
  return seen;
}

/** Shows what a cursor holds, so that a versionstamp in it can be told from the digits of the tag before it. */
function decode(cursor: string): string {
  return atob(cursor.replaceAll("-", "+").replaceAll("_", "/")).replaceAll("\x02", "string ");
}

function atomic(random: Random, operands: readonly unknown[]): Operation {
  const checks = Array.from({ length: int(random, 3) }, () => checkOf(random));
  const steps = Array.from({ length: int(random, 5) }, () => mutationOf(random, operands));
  return {
    name: `atomic ${[...checks, ...steps].map(({ name }) => name).join("; ")}`,
    run: async (subject) => {
      const operation = subject.kv.atomic();
      for (const { run } of [...checks, ...steps]) await run(subject, operation);
      const result = await operation.commit();
      if (result.ok) subject.stamps.push(result.versionstamp);
      return result;
    },
  };
}

interface Step {
  readonly name: string;
  readonly run: (subject: Subject, operation: Deno.AtomicOperation) => unknown;
}

function checkOf(random: Random): Step {
  const key = keyOf(random);
  const kind = mostly(random, ["current", "current", "current", "null"], ["stale", "upper", "bad"]);
  const position = random();
  const stampOf = async ({ kv, stamps }: Subject): Promise<string | null> => {
    if (kind === "null") return null;
    if (kind === "bad") return "00";
    if (kind === "stale") return stamps.at(Math.floor(position * stamps.length)) ?? null;
    const { versionstamp } = await kv.get(key);
    return kind === "upper" ? versionstamp && versionstamp.toUpperCase() : versionstamp;
  };
  return {
    name: `check ${Deno.inspect(key)} ${kind}`,
    run: async (subject, operation) => void operation.check({ key, versionstamp: await stampOf(subject) }),
  };
}

function mutationOf(random: Random, operands: readonly unknown[]): Step {
  const type = pick(random, ["set", "set", "log", "delete", "sum", "min", "max", "mutate", "mutate"] as const);
  const isNumber = ["sum", "min", "max", "mutate"].includes(type);
  const key = isNumber ? mostly(random, numberKeys, [keyOf(random)]) : keyOf(random);
  const value = valueOf(random);
  const n = mostly(random, u64s, [2n ** 64n, -1n]);
  const kind = mostly(random, ["set", "sum", "min", "max"], ["delete", "other"]);
  const operand = key[1] === 1 ? pick(random, operands) : pick(random, operands.slice(0, 2));
  const mutation = { key, type: kind, value: operand };
  const runs: Record<typeof type, Step["run"]> = {
    set: (_, operation) => void operation.set(key, value),
    log: ({ kv }, operation) => void operation.set(["log", kv.commitVersionstamp() as unknown as string], value),
    delete: (_, operation) => void operation.delete(key),
    sum: (_, operation) => void operation.sum(key, n),
    min: (_, operation) => void operation.min(key, n),
    max: (_, operation) => void operation.max(key, n),
    mutate: (_, operation) => void operation.mutate(mutation as Deno.KvMutation),
  };
  return { name: `${type} ${Deno.inspect([key, value, n, mutation])}`, run: runs[type] };
}

function selectorOf(random: Random): Deno.KvListSelector {
  const key = () => mostly(random, [["t", pick(random, parts)]], [["t"], ["log"], keyOf(random)]);
  const [start, end] = [key(), key()];
  const sound = [{ prefix: pick(random, [[], ["t"], ["log"], ["t", "a"]]) }, { prefix: ["t"], start }, {
    prefix: ["t"],
    end,
  }, { start, end }];
  return mostly<object>(random, sound, [{ start }, {}, { prefix: ["t"], start, end }]) as Deno.KvListSelector;
}

function listOptionsOf(random: Random): Deno.KvListOptions {
  return {
    limit: mostly(random, [undefined, 1, 2, 5, 501], [0, 1.5]),
    batchSize: mostly(random, [undefined, 1, 2, 3, 1_000], [1_001, 0]),
    reverse: pick(random, [undefined, false, true]),
    consistency: pick(random, [undefined, "strong", "eventual"] as const),
  };
}

const numberKeys: Deno.KvKey[] = [["n", 1], ["n", 2], ["n", 3]];

function valueOf(random: Random): unknown {
  return mostly(random, values, oddValues);
}

/** Mostly one of a few keys, so that operations meet. */
function keyOf(random: Random): Deno.KvKey {
  const chance = random();
  if (chance < 0.02) return pick(random, badKeys) as Deno.KvKey;
  if (chance < 0.5) return ["t", pick(random, ["a", "b", "c"])];
  if (chance < 0.8) return ["t", pick(random, parts)];
  return ["t", pick(random, parts), pick(random, parts)];
}

function mostly<T>(random: Random, usual: readonly T[], odd: readonly T[]): T {
  return pick(random, random() < 0.05 ? odd : usual);
}

function int(random: Random, end: number): number {
  return Math.floor(random() * end);
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[int(random, from.length)];
}
