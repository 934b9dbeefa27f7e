/**
 * The order in which keys are listed: that of Deno KV, so that pages of a table and what is known in memory fit together.
 *
 * @module
 */

const ranks = ["string", "bigint", "number", "boolean"];

/**
 * Compares two keys: texts by their code points, then bigints, numbers, and booleans.
 *
 * @returns Less than 0 if the first one comes first, 0 if they are the same key.
 */
export function compareKeys(one: unknown, other: unknown): number {
  const ranked = ranks.indexOf(typeof one) - ranks.indexOf(typeof other);
  if (ranked !== 0) return ranked;
  if (typeof one === "string") return compareTexts(one, other as string);
  return one === other ? 0 : one as number < (other as number) ? -1 : 1;
}

/** By code points, as UTF-8 sorts: half of a pair sorts behind all characters that are none. */
function compareTexts(one: string, other: string): number {
  if (one === other) return 0;
  const length = Math.min(one.length, other.length);
  let index = 0;
  while (index < length && one.charCodeAt(index) === other.charCodeAt(index)) index++;
  if (index === length) return one.length - other.length;
  return rankOf(one.charCodeAt(index)) - rankOf(other.charCodeAt(index));
}

function rankOf(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}
