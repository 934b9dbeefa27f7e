import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { nop } from "@pact/supervisor";
import { KvTable } from "@pact/supervisor/kv";
import { Program } from "../os/program.ts";

interface Item {
  readonly id: string;
  readonly key: string;
  readonly state: string;
  readonly session: string;
  readonly isSeen: boolean;
}

const patienceMs = 20_000;

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

  [Symbol.asyncDispose](): Promise<void> {
    return this.program[Symbol.asyncDispose]();
  }
}

async function until(isTrue: () => Promise<boolean>): Promise<number> {
  const beganMs = performance.now();
  while (!await isTrue()) {
    if (performance.now() - beganMs > patienceMs) throw new Error("What is waited for does not happen");
    await delay(20);
  }
  return performance.now() - beganMs;
}

Deno.test("three OS processes show the same fleet, a pause reaches another one, and one that is killed ages and is gone", async () => {
  const directory = await Deno.makeTempDir(), path = `${directory}/kv.sqlite`;
  {
    using kv = await Deno.openKv(path);
    const table = new KvTable(kv, { prefix: ["bots"], create: (_spec: string, _key: string) => nop });
    for (let index = 0; index < 30; index++) await table.set(`tenant-${index}`, "free");
  }
  {
    await using one = await Instance.start(path);
    await using two = await Instance.start(path);
    await using three = await Instance.start(path);
    const instances = [one, two, three];
    await until(async () => {
      const all = await Promise.all(instances.map((each) => each.json("/api/overview")));
      return all.every(({ desired, isComplete, sessions, counts }) =>
        desired === 30 && isComplete && sessions.length === 3 && counts.running === 30 &&
        // deno-lint-ignore no-explicit-any -- as above
        sessions.every((each: any) => each.slots >= 8)
      );
    });
    const shown = await Promise.all(
      instances.map(async (each) =>
        (await each.items()).map(({ key, state, session }) => `${key} ${state} ${session}`)
      ),
    );
    assertEquals([shown[1], shown[2]], [shown[0], shown[0]]);

    const [theirs] = (await one.items()).filter(({ session }) => session === two.session);
    assertEquals(theirs.isSeen, false);
    const stateAtOwner = async () => (await two.json(`/api/processes/${theirs.id}`)).state;
    await one.json(`/api/processes/${theirs.id}/pause`, { method: "POST", body: '{"reason":"invoice 7"}' });
    const tookMs = await until(async () => await stateAtOwner() === "paused");
    assert(tookMs < 2_000, `the pause took ${Math.round(tookMs)} ms`);
    const start = await one.json(`/api/processes/${theirs.id}/start`, { method: "POST" });
    assertEquals([start.status, start.session], [409, two.session]);

    two.program.signal("SIGKILL");
    const seen = async () =>
      (await one.json("/api/overview")).sessions.find(({ id }: { id: string }) => id === two.session);
    await until(async () => (await seen())?.heartbeatAgeMs > 1_200);
    await until(async () => await seen() === undefined);
    await until(async () =>
      (await one.items()).every(({ state, session }) => state !== "unowned" && session !== two.session)
    );
    assertEquals((await three.items()).find(({ id }) => id === theirs.id)?.state, "paused");
  }
  await Deno.remove(directory, { recursive: true });
});
