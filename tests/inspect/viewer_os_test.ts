import { assert, assertEquals } from "@std/assert";
import { chain, leaf, nop, type Runnable, Supervisor, UnrecoverableError } from "@pact/supervisor";
import { Cluster } from "@pact/supervisor/cluster";
import { KvTable } from "@pact/supervisor/kv";
import { delay } from "@std/async/delay";
import { parseArguments } from "../../src/inspect/program.ts";
import { Program } from "../os/program.ts";

const wrong = [[], ["kv"], ["--prefix", "bots"], ["kv", "kv2", "--prefix", "a"], ["kv", "--prefix", "[1"], [
  "kv",
  "--prefix",
  "a",
  "--x",
]];
for (
  const all of [...wrong, ["kv", "--prefix"], ["kv", "--prefix", "a", "--port", "x"], [
    "kv",
    "--prefix",
    "a",
    "--port",
    "65536",
  ]]
) {
  Deno.test(`the viewer does not understand ${JSON.stringify(all)}`, () =>
    assertEquals(parseArguments(all), undefined));
}

Deno.test("the viewer takes prefixes as a text and as JSON", () => {
  const defaults = { path: "kv", cluster: ["cluster"], port: 0 };
  assertEquals(parseArguments(["kv", "--prefix", "bots"]), { ...defaults, prefix: ["bots"] });
  assertEquals(parseArguments(['--prefix=["bots",1]', "kv", "--cluster", "c", "--port=80"]), {
    path: "kv",
    prefix: ["bots", 1],
    cluster: ["c"],
    port: 80,
  });
});

/** Asks a viewer by the link that it prints. */
// deno-lint-ignore no-explicit-any -- what comes over the wire
async function ask(link: string, path: string, method = "GET"): Promise<[number, any]> {
  const { origin, hash } = new URL(link);
  const answer = await fetch(origin + path, {
    method,
    headers: { authorization: `Bearer ${hash.slice("#token=".length)}` },
  });
  return [answer.status, await answer.json()];
}

const link = /^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{32}$/;

Deno.test("the viewer shows a file that no instance runs on, says so, and changes nothing", async () => {
  const directory = await Deno.makeTempDir(), path = `${directory}/kv.sqlite`;
  {
    using kv = await Deno.openKv(path);
    const bad: Runnable = leaf(() => Promise.reject(new UnrecoverableError("401")));
    const table = new KvTable(kv, {
      prefix: ["bots"],
      create: (_spec: string, key: string) => key === "bad" ? bad : nop,
    });
    for (const key of ["acme", "bad", "calm"]) await table.set(key, "free");
    await table.pause("calm", { reason: "invoice 7" });
    const supervisor = new Supervisor(table);
    supervisor.subscribe(() => {});
    await supervisor.run(() => supervisor.reconcile());
  }
  {
    await using viewer = new Program("src/inspect/mod.ts", path, "--prefix", "bots");
    const [url] = await viewer.line(link);
    await viewer.line(/no cluster session/);
    const [, { items }] = await ask(url, "/api/processes");
    assertEquals(items.map(({ key, state }: Record<string, string>) => [key, state]), [
      ["acme", "unknown"],
      ["bad", "parked"],
      ["calm", "paused"],
    ]);
    assertEquals((await ask(url, "/api/pause", "POST"))[0], 403);
    assertEquals((await ask(`${new URL(url).origin}/#token=wrong`, "/api/overview"))[0], 401);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("the viewer shows the sessions of a cluster, their slots and counts", async () => {
  const directory = await Deno.makeTempDir(), path = `${directory}/kv.sqlite`;
  {
    using kv = await Deno.openKv(path);
    const cluster = new Cluster(kv, { path, slots: 16, heartbeatMs: 200, ttlMs: 1_000, info: { region: "ams" } });
    const table = cluster.table(kv, { prefix: ["bots"], create: (_spec: string, _key: string): Runnable => nop });
    for (const key of ["acme", "beta"]) await table.set(key, "free");
    const supervisor = new Supervisor(table);
    using _counting = cluster.countBy(() => supervisor.summary().counts);
    await chain(cluster, supervisor).run(async () => {
      await using viewer = new Program("src/inspect/mod.ts", path, "--prefix", '["bots"]');
      const [url] = await viewer.line(link);
      let [, overview] = await ask(url, "/api/overview");
      // The counts come with the next heartbeat, and what the viewer knows is up to 2 s old.
      for (let tries = 0; overview.desired < 2 && tries < 100; tries++) {
        await delay(100);
        [, overview] = await ask(url, "/api/overview");
      }
      const [{ slots, info, counts }] = overview.sessions;
      assertEquals([overview.sessions.length, slots, info, counts], [1, 16, { region: "ams" }, { running: 2 }]);
      assertEquals([overview.desired, overview.isComplete], [2, true]);
      const [, { items }] = await ask(url, "/api/processes");
      for (const { state, isSeen, session } of items) {
        assertEquals([state, isSeen, session], ["running", false, cluster.snapshot().session]);
      }
      assert(items.length === 2);
    });
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("the viewer says in one line what it is called with, and what it cannot open", async () => {
  await using confused = new Program("src/inspect/mod.ts");
  await confused.line(/^Usage: /);
  assertEquals((await confused.end()).code, 2);
  await using lost = new Program("src/inspect/mod.ts", "/nowhere/at/all/kv", "--prefix", "bots");
  await lost.line(/^Cannot show \/nowhere\/at\/all\/kv: /);
  assertEquals((await lost.end()).code, 1);
});
