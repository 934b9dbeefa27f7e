/**
 * Writes without a pause, so that it holds the lock of the file most of the time. The argument is the database.
 *
 * @module
 */

using kv = await Deno.openKv(Deno.args[0]);
console.log("writing");
for (let value = 0;; value++) await kv.set(["lock"], value);
