/**
 * Databases that are given the same operations, and what comes of them.
 *
 * @module
 */

import { assertEquals, fail } from "@std/assert";
import { seededRandom } from "../os/random.ts";
import type { Operation, Subject } from "./kv_operations.ts";

/** A database, and a number for each of its versionstamps in the order in which they came up. */
class Side implements Subject {
  readonly stamps: string[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(readonly kv: Deno.Kv, readonly tell: (error: Error) => unknown) {}

  /** Runs an operation and tells in words what came of it: equal words, equal outcome. */
  async outcome({ run }: Operation): Promise<string> {
    try {
      return this.#describe(await run(this));
    } catch (error) {
      return this.#describe(this.tell(error as Error));
    }
  }

  /** The numbers of all versionstamps, in the order of the versionstamps. */
  order(): number[] {
    return [...this.#numbers].sort(([a], [b]) => a < b ? -1 : 1).map(([, number]) => number);
  }

  #describe(value: unknown): string {
    const text = Deno.inspect(value, { depth: 10, iterableLimit: Infinity, strAbbreviateSize: Infinity });
    return text.replaceAll(/[\da-f]{16}0000/g, (stamp) => {
      if (!this.#numbers.has(stamp)) this.#numbers.set(stamp, this.#numbers.size);
      return `versionstamp ${this.#numbers.get(stamp)}`;
    });
  }
}

/** What is compared, and by what. */
export interface Comparison {
  /** The database that is right. */
  readonly real: Deno.Kv;
  /** The one that should answer as it does. */
  readonly other: Deno.Kv;
  readonly seed: number;
  readonly steps: number;
  next(random: () => number): Operation;
  /**
   * What must be equal of two errors.
   *
   * @default Their classes and their texts.
   */
  tell?(error: Error): unknown;
}

/** Asserts that two databases, both of them empty, answer random operations alike. */
export async function assertAlike({ real, other, seed, steps, next, tell = classAndText }: Comparison): Promise<void> {
  const random = seededRandom(seed);
  const sides = [new Side(real, tell), new Side(other, tell)];
  for (let step = 0; step < steps; step++) {
    const operation = next(random);
    const outcomes = [await sides[0].outcome(operation), await sides[1].outcome(operation)];
    if (outcomes[0] !== outcomes[1]) fail(`seed ${seed}, step ${step}: ${operation.name}\n${excerpts(outcomes)}`);
  }
  assertEquals(sides[1].order(), sides[0].order(), `seed ${seed}: the order of the versionstamps`);
}

/** Tells no error from another: one that comes over a network has another class, and a text around its text. */
export function anyError(): string {
  return "an error";
}

function classAndText(error: Error): string[] {
  return [error.constructor.name, error.message];
}

/** Where two texts begin to differ. */
function excerpts([real, other]: string[]): string {
  let start = 0;
  while (real[start] === other[start]) start++;
  const excerpt = (text: string) => text.slice(Math.max(0, start - 200), start + 200);
  return `real: ${excerpt(real)}\nother: ${excerpt(other)}`;
}
