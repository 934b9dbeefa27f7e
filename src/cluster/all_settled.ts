/**
 * Waits for several things, and leaves none of them under way.
 *
 * @module
 */

/**
 * Waits until all promises have settled. `Promise.all` would return at the first failure, while the others go on.
 *
 * @param promises What to wait for.
 * @returns What they resolve with.
 * @throws {unknown} What the first of them, in their order, rejects with.
 */
export async function allSettled<const T extends readonly unknown[]>(
  promises: { readonly [I in keyof T]: Promise<T[I]> },
): Promise<T> {
  await Promise.allSettled(promises);
  return await Promise.all(promises) as unknown as T;
}
