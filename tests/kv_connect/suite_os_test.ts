import { KvTable, type KvTableKey } from "../../src/kv/mod.ts";
import type { Runnable } from "../../src/process/runnable.ts";
import { testTable } from "../../src/testing/mod.ts";
import { KvConnectServer } from "./server.ts";

for (
  const [how, options] of [["by polls", { pollMs: 1 }], ["by its watch", { path: "http://kv.example" }]] as const
) {
  testTable<KvTableKey>(`KvTable in a remote database that another client writes, ${how},`, {
    keys: ["a", "b", "1", 1, 1n, true],
    async open(build) {
      const server = KvConnectServer.start();
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
        async close() {
          await server[Symbol.asyncDispose]();
          for (const kv of kvs) kv.close();
        },
      };
    },
  });
}
