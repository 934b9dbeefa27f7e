import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { nop } from "@pact/supervisor";
import { KvTable } from "@pact/supervisor/kv";
import { Program } from "../os/program.ts";

/** A key, as an instance shows it. */
interface Item {
  readonly id: string;
  readonly key: string;
  readonly state: string;
  readonly session?: string;
  readonly isSeen: boolean;
  readonly pause?: { readonly reason: string; readonly by: string };
}

/** A session, as an instance shows it. */
interface Session {
  readonly id: string;
  readonly heartbeatAgeMs: number;
}

/** What an instance shows of all of them: how many of how many run, and who owns each key. */
interface Fleet {
  readonly overview: string;
  readonly owners: readonly (string | undefined)[];
}

/** How long what must happen may take, in ms: the machine may be busy. */
const patienceMs = 60_000;

/** An instance in an OS process of its own. */
class Instance implements AsyncDisposable {
  constructor(readonly program: Program, readonly origin: string, readonly session: string) {}

  static async start(path: string): Promise<Instance> {
    const program = new Program("tests/inspect/instance_program.ts", path);
    const [, port, session] = await program.line(/^port (\d+) session (\S+)/);
    return new Instance(program, `http://127.0.0.1:${port}`, session);
  }

  // deno-lint-ignore no-explicit-any -- what comes over the wire is looked at by the test
  async json(path: string, init?: RequestInit): Promise<any> {
    return await (await fetch(this.origin + path, init)).json();
  }

  async items(): Promise<Item[]> {
    return (await this.json("/api/processes?limit=1000")).items;
  }

  async sessions(): Promise<Session[]> {
    return (await this.json("/api/overview")).sessions;
  }

  async fleet(): Promise<Fleet> {
    const { desired, counts } = await this.json("/api/overview");
    const owners = (await this.items()).map(({ session }) => session);
    return { overview: `${counts.running} of ${desired}`, owners };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.program[Symbol.asyncDispose]();
  }
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (const endsAt = performance.now() + patienceMs; !await isTrue(); await delay(20)) {
    if (performance.now() > endsAt) throw new Error(`Cannot see in ${patienceMs} ms that ${isTrue}`);
  }
}

/** Hands the path of a database with 30 entries to a test. */
async function withDatabase(test: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "fleet_" }), path = `${directory}/kv.sqlite`;
  {
    using kv = await Deno.openKv(path);
    const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: string, _key: string) => nop });
    for (let index = 0; index < 30; index++) await table.set(`tenant-${index}`, "free");
  }
  await test(path);
  await Deno.remove(directory, { recursive: true });
}

Deno.test("three OS processes show the same fleet, a pause reaches another one, and of one that is killed the session ages and the keys move", async () => {
  await withDatabase(async (path) => {
    await using one = await Instance.start(path);
    await using two = await Instance.start(path);
    await using three = await Instance.start(path);

    const isSame = async () => {
      const fleets = await Promise.all([one, two, three].map((each) => each.fleet()));
      const [{ overview, owners }] = fleets;
      const isWhole = overview === "30 of 30" && new Set(owners).size === 3;
      return isWhole && fleets.every((each) => JSON.stringify(each) === JSON.stringify(fleets[0]));
    };
    await until(isSame);

    const [theirs] = (await one.items()).filter(({ session }) => session === two.session);
    assertEquals([theirs.state, theirs.isSeen], ["running", false]);
    const post = { method: "POST", body: '{"reason":"invoice 7"}' };
    await one.json(`/api/processes/${theirs.id}/pause`, post);
    await until(async () => (await two.json(`/api/processes/${theirs.id}`)).state === "paused");
    const start = await one.json(`/api/processes/${theirs.id}/start`, { method: "POST" });
    assertEquals([start.status, start.session], [409, two.session]);

    two.program.signal("SIGKILL");
    const ageMs = async () => (await one.sessions()).find(({ id }) => id === two.session)?.heartbeatAgeMs;
    await until(async () => (await ageMs() ?? 0) > 1_500);
    await until(async () => await ageMs() === undefined);
    const hasMoved = async () => {
      const fleets = await Promise.all([one, three].map((each) => each.fleet()));
      return fleets.every(({ overview, owners }) =>
        overview === "29 of 29" && owners.every((owner) => owner === one.session || owner === three.session)
      );
    };
    await until(hasMoved);
    const { state, pause } = (await three.items()).find(({ id }) => id === theirs.id) ?? {};
    assertEquals([state, pause?.reason, pause?.by], ["paused", "invoice 7", "ops"]);
  });
});
