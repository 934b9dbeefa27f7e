/**
 * What the viewer must show of a database, wherever that is.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { chain, leaf, nop, type Runnable, Supervisor, UnrecoverableError } from "@pact/supervisor";
import { Cluster } from "@pact/supervisor/cluster";
import { KvTable } from "@pact/supervisor/kv";
import { delay } from "@std/async/delay";
import { Program } from "../os/program.ts";

/** A database that the viewer can open as well. */
export interface ViewedDatabase extends AsyncDisposable {
  /** Its path or URL. */
  readonly path: string;
  readonly kv: Deno.Kv;
}

/** How long what must happen may take, in ms. */
const patienceMs = 20_000;

/** A viewer in an OS process of its own, asked by the link that it prints. */
export class Viewer implements AsyncDisposable {
  private constructor(readonly program: Program, readonly link: URL) {}

  static async open(path: string, prefix: string): Promise<Viewer> {
    const program = new Program("src/inspect/mod.ts", path, "--prefix", prefix);
    try {
      const [link] = await program.line(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{32}$/);
      return new Viewer(program, new URL(link));
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Asks; with another token, or another method, if it is told so. */
  async ask(
    path: string,
    { method = "GET", token = this.link.hash.slice("#token=".length) } = {},
    // deno-lint-ignore no-explicit-any -- what comes over the wire
  ): Promise<{ readonly status: number; readonly json: any }> {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(this.link.origin + path, { method, headers });
    return { status: answer.status, json: await answer.json() };
  }

  /** Asks again and again until the answer is as it must be. */
  // deno-lint-ignore no-explicit-any -- what comes over the wire
  async until(path: string, isRight: (json: any) => boolean): Promise<any> {
    for (const endsAt = performance.now() + patienceMs;; await delay(50)) {
      const { json } = await this.ask(path);
      if (isRight(json)) return json;
      if (performance.now() > endsAt) throw new Error(`${path} stays ${JSON.stringify(json)}`);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.program[Symbol.asyncDispose]();
  }
}

/** Every row of a database, with its versionstamp. */
async function rowsOf(kv: Deno.Kv): Promise<unknown[]> {
  return await Array.fromAsync(kv.list({ prefix: [] }), ({ key, versionstamp }) => [key, versionstamp]);
}

/** Registers the tests. */
export function viewerTests(name: string, open: () => Promise<ViewedDatabase>): void {
  Deno.test(`the viewer shows ${name} that no instance runs on, says so, and changes nothing`, async () => {
    await using database = await open();
    const { path, kv } = database;
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

    const before = await rowsOf(kv);
    await using viewer = await Viewer.open(path, "bots");
    assertEquals(viewer.program.lines.length, 2);
    assertEquals(
      viewer.program.lines[0],
      "No cluster session: a program without a Cluster cannot be seen, only what its table remembers.",
    );
    const { json: { items } } = await viewer.ask("/api/processes");
    assertEquals(items.map(({ key, state }: Record<string, string>) => [key, state]), [
      ["acme", "unknown"],
      ["bad", "parked"],
      ["calm", "paused"],
    ]);
    const [, { id, lastError }, { pause }] = items;
    assertEquals([lastError.message, pause.reason], ["401", "invoice 7"]);
    for (const act of ["/api/pause", `/api/processes/${id}/restart`]) {
      assertEquals((await viewer.ask(act, { method: "POST" })).status, 403);
    }
    assertEquals((await viewer.ask("/api/overview", { token: "wrong" })).status, 401);
    assertEquals(await rowsOf(kv), before);
  });

  Deno.test(`the viewer shows the sessions on ${name}, their slots and counts`, async () => {
    await using database = await open();
    const { path, kv } = database;
    const cluster = new Cluster(kv, { path, slots: 16, heartbeatMs: 500, ttlMs: 5_000, info: { region: "ams" } });
    const table = cluster.table(kv, { prefix: ["bots"], create: (_spec: string, _key: string): Runnable => nop });
    for (const key of ["acme", "beta"]) await table.set(key, "free");
    const supervisor = new Supervisor(table);
    using _counting = cluster.countBy(() => supervisor.summary().counts);
    await chain(cluster, supervisor).run(async () => {
      await using viewer = await Viewer.open(path, '["bots"]');
      // The counts come with the next heartbeat, and what the viewer knows is up to 4 s old.
      const isWhole = ({ desired, isComplete }: { desired: number; isComplete: boolean }) =>
        desired === 2 && isComplete;
      const { sessions } = await viewer.until("/api/overview", isWhole);
      const [{ id, slots, info, counts }] = sessions;
      assertEquals([sessions.length, id, slots], [1, cluster.snapshot().session, 16]);
      assertEquals([info, counts], [{ region: "ams" }, { running: 2 }]);
      const { json: { items } } = await viewer.ask("/api/processes");
      assert(items.length === 2);
      for (const { state, isSeen, session } of items) assertEquals([state, isSeen, session], ["running", false, id]);
      assertEquals(viewer.program.lines.length, 1);
    });
  });
}
