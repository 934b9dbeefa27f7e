/**
 * The order in which Deno KV lists keys.
 *
 * @module
 */

const types = ["string", "bigint", "number", "boolean"];

/** Compares two keys of a table: texts by their code points, then bigints, numbers, and booleans. */
export function compareKeys(one: unknown, other: unknown): number {
  if (typeof one !== typeof other) return types.indexOf(typeof one) - types.indexOf(typeof other);
  if (one === other) return 0;
  if (typeof one !== "string" || typeof other !== "string") return one as number < (other as number) ? -1 : 1;
  let index = 0;
  while (index < one.length && one[index] === other[index]) index++;
  return rankAt(one, index) - rankAt(other, index);
}

/** Halves of pairs, the characters beyond U+FFFF, come behind all others. */
function rankAt(text: string, index: number): number {
  if (index >= text.length) return -1;
  const unit = text.charCodeAt(index);
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}
