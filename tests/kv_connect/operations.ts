/**
 * Random operations that every database answers alike, errors aside, whatever encodes its values.
 *
 * @module
 */

import type { Operation, Subject } from "../memory_kv/kv_operations.ts";

/** Makes the next operation. */
export function nextSoundOperation(random: () => number): Operation {
  const below = (count: number) => Math.floor(random() * count);
  const key = () => [["a", "b", "\0"][below(3)], below(4)];
  const [value, count] = [below(1_000), BigInt(below(9))];
  const [first, second, counter] = [key(), key(), ["count", below(3)]];
  const [limit, batchSize, reverse] = [1 + below(20), 1 + below(5), below(2) === 0];
  const drawn: ((kv: Deno.Kv) => Promise<unknown>)[] = [
    (kv) => kv.set(first, value),
    (kv) => kv.delete(first),
    (kv) => kv.get(first),
    (kv) => kv.getMany([first, second, counter]),
    async (kv) => kv.atomic().check(await kv.get(first)).set(first, value).delete(second).commit(),
    (kv) => kv.atomic().check({ key: first, versionstamp: null }).set(first, value).set(second, value).commit(),
    (kv) => kv.atomic().sum(counter, count).max(["most"], count).min(["least"], count).commit(),
    (kv) => kv.set(["log", kv.commitVersionstamp()], value),
    (kv) => Array.fromAsync(kv.list({ prefix: [] }, { limit, batchSize, reverse })),
    (kv) => Array.fromAsync(kv.list({ prefix: first.slice(0, 1), start: first }, { batchSize, reverse })),
    // Fails half-way when there is something that is no count.
    (kv) => kv.atomic().set(first, value).sum(second, count).delete(["most"]).commit(),
  ];
  const index = below(drawn.length);
  return { name: `${drawn[index]}`, run: ({ kv }: Subject) => drawn[index](kv) };
}
