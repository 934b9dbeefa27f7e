/** What others put into keys, specs, errors, notes, names and session infos stays text, wherever it is shown. */

import { assert, assertEquals } from "@std/assert";
import { chain, leaf, nop, type Runnable, Supervisor } from "@pact/supervisor";
import { Cluster } from "../../src/cluster/mod.ts";
import { idOf, keyOfId } from "../../src/inspect/key_id.ts";
import { KvTable, type KvTableKey } from "../../src/kv/mod.ts";
import { Face, givesUp, statusOf } from "./fixtures.ts";

const evil = `</script><script>alert(1)</script>\r\nset-cookie: evil=1\r\n\r\nid: 7\u2028"'&`;

/** Every answer says what it is, and that it is nothing else. */
const guards = { "x-content-type-options": "nosniff", "cache-control": "no-store", "referrer-policy": "no-referrer" };

async function checked(answer: Response, type: string): Promise<string> {
  const { headers } = answer;
  assertEquals(headers.get("content-type"), type);
  assert(headers.get("content-security-policy")?.startsWith("default-src 'none'"));
  for (const [name, value] of Object.entries(guards)) assertEquals(headers.get(name), value);
  assertEquals([headers.has("set-cookie"), headers.has("access-control-allow-origin")], [false, false]);
  return type === "text/event-stream" ? "" : await answer.text();
}

Deno.test("a script in key, spec, error, note, name and session info stays text in JSON", async () => {
  using kv = await Deno.openKv(":memory:");
  const cluster = new Cluster(kv, { allowLocal: true, info: { url: evil } });
  const noisy = leaf((_signal, { alive }) => {
    alive(evil);
    throw new Error(evil, { cause: new TypeError(evil) });
  });
  const table = cluster.table(kv, { prefix: ["bots"], create: (_spec: string, _key: string): Runnable => noisy });
  const supervisor = new Supervisor(table, { restart: { limit: 1 } });
  const parked = givesUp(supervisor);
  const face = new Face({ supervisor, cluster, table, showSpec: true, title: evil, authorize: () => evil });
  await chain(cluster, supervisor).run(async () => {
    const json = async (path: string) => JSON.parse(await checked(await face.get(path), "application/json"));
    const events = await face.get("/api/events");
    await checked(events, "text/event-stream");
    await table.set(evil, evil);
    await parked;
    while (!await table.trouble(evil)) await supervisor.reconcile();
    const path = `/api/processes/${idOf(evil)}`, body = JSON.stringify({ reason: evil });
    const { key, spec, lastError, trouble } = await json(path);
    assertEquals([key, spec], [evil, evil]);
    for (const error of [lastError, trouble.lastError]) {
      assert(!/[\r\n\u2028]/.test(error.message + error.causes) && error.causes[0].startsWith("TypeError: </script>"));
    }
    assertEquals((await json("/api/processes?state=parked")).items[0].key, evil);
    assertEquals((await json(`/api/processes?search=${encodeURIComponent(evil)}`)).items[0].key, evil);
    const { title, sessions } = await json("/api/overview");
    assertEquals([title, sessions[0].info.url], [evil, evil]);
    await checked(await face.post(`${path}/pause`, { body }), "application/json");
    assertEquals([(await json(path)).pause?.by, (await json(path)).pause?.reason], [evil, evil]);
    await checked(await face.get("/metrics"), "text/plain; version=0.0.4; charset=utf-8");
    await checked(await face.get("/health"), "application/health+json");
    await checked(await face.post(`/api/processes/${idOf(`${evil}?`)}/restart`), "application/problem+json");
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("event: acted")) text += (await reader.read()).value ?? "";
    await reader.cancel();
    const lines = text.split(/\r\n|[\r\n\u2028\u2029]/);
    assertEquals(lines.filter((line) => !/^(id: [0-9a-f]{8}-\d+|event: [a-z-]+|data: \{.*\}|)$/.test(line)), []);
    const { by, reason, key: told } = JSON.parse(lines[lines.indexOf("event: acted") + 1].slice("data: ".length));
    assertEquals([by, reason, told], [evil.slice(0, 200), evil, evil]);
  });
});

const keys: readonly KvTableKey[] = [
  ...["", "..", ".", "a/b", "/", "\\", "\0", "%2f", "%", "a?b#c", "+ ", "é", "😀", "\u2028", evil, "5n", "true", "NaN"],
  ...[0, -0, 0.1, -1, 1e21, Infinity, -Infinity, 5n, -5n, 0n, 2n ** 100n, true, false],
];
for (const key of keys) {
  const name = typeof key === "string" ? JSON.stringify(key) : `${Object.is(key, -0) ? "-0" : key} (${typeof key})`;
  Deno.test(`the key ${name} can be found, paused and read back over its id`, async () => {
    using kv = await Deno.openKv(":memory:");
    const table = new KvTable<KvTableKey, number>(kv, { prefix: ["bots"], create: () => nop }),
      face = new Face({ table });
    for (const each of keys) await table.set(each, 1);
    const id = idOf(key), path = `/any/where/api/processes/${id}`;
    assert(/^[\w-]+$/.test(id) && new URL(`http://localhost${path}`).pathname === path);
    assertEquals(keyOfId(id), Object.is(key, -0) ? 0 : key);
    assertEquals((await face.json(path)).id, id);
    assertEquals(await statusOf(face.post(`${path}/pause`)), 200);
    const paused = (await face.json("/api/processes?state=paused")).items;
    assertEquals(paused.map((item: { id: string }) => item.id), [id]);
    const { items } = await face.json(`/api/processes?limit=1000`);
    assertEquals(items.filter((item: { id: string }) => item.id === id).length, 1);
    for await (const { key: stored } of table.pauses()) assert(stored === key, `${typeof stored} ${String(stored)}`);
  });
}

const queries = ["search=%", "search=%zz", "search=%ff", "search=%c3%28", "state=running&search=%e2%82"];
for (const query of queries) {
  Deno.test(`api/processes?${query}, which is no UTF-8, is 400`, async () => {
    assertEquals(await statusOf(new Face({}).get(`/api/processes?${query}`)), 400);
  });
}
