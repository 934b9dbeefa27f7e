/**
 * Databases that are given the same operations, and what comes of them.
 *
 * @module
 */

import { assertEquals, fail } from "@std/assert";
import { seededRandom } from "../os/random.ts";
import { nextOperation, type Operation, type Subject } from "./kv_operations.ts";

/** A database, and a number for each of its versionstamps in the order in which they came up. */
export class Side implements Subject {
  readonly stamps: string[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(readonly kv: Deno.Kv) {}

  /** Runs an operation and tells in words what came of it: equal words, equal outcome. */
  async outcome({ run }: Operation): Promise<string> {
    try {
      return this.#describe(await run(this));
    } catch (error) {
      return this.#describe([(error as Error).constructor.name, (error as Error).message]);
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
