/**
 * The conformance suite of tables over a remote database.
 *
 * @module
 */

import { KvTable, type KvTableKey } from "../../src/kv/mod.ts";
import type { Runnable } from "../../src/process/runnable.ts";
import { testTable } from "../../src/testing/mod.ts";
import type { RemoteDatabase } from "./remote_database.ts";

/** How a table learns of changes. */
const ways = [["by polls", { pollMs: 1 }], ["by its watch", { path: "http://kv.example" }]] as const;

/**
 * Declares the suite: the table is read over one handle and written over another.
 *
 * @param name What the table is called.
 * @param start Starts a server with an empty database.
 */
export function testRemoteTable(name: string, start: () => RemoteDatabase | Promise<RemoteDatabase>): void {
  for (const [how, options] of ways) {
    testTable<KvTableKey>(`${name}, ${how},`, {
      keys: ["a", "b", "1", 1, 1n, true],
      async open(build) {
        const server = await start();
        const kvs = [await server.open(), await server.open()];
        const [table, other] = kvs.map((kv) =>
          new KvTable<KvTableKey, string, Runnable>(kv, {
            prefix: ["bots"],
            create: (flavour, key) => build(key, flavour),
            ...options,
          })
        );
        return {
          table,
          set: (key, flavour) => other.set(key, flavour),
          delete: (key) => other.delete(key),
          pause: (key) => other.pause(key),
          resume: (key) => other.resume(key),
          async close() {
            await server[Symbol.asyncDispose]();
            for (const kv of kvs) kv.close();
          },
        };
      },
    });
  }
}
