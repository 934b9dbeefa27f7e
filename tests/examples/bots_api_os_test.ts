/** The production example alone, with a messenger of its own: what an operator asks it, and is told. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Instance } from "./bots_instance.ts";

/** Runs a test on an instance that is alone. */
function aloneTest(name: string, test: (instance: Instance) => Promise<void>): void {
  Deno.test(`bots.ts ${name}`, async () => {
    const dir = await Deno.makeTempDir({ prefix: "bots_" });
    try {
      await using instance = await Instance.start(`${dir}/data`);
      await test(instance);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

async function tenant(instance: Instance, id: string): Promise<Record<string, unknown> | undefined> {
  return (await instance.ask("GET", "/tenants")).find((tenant) => tenant.id === id);
}

aloneTest("tells the state, the last error and the next try of each tenant", async (instance) => {
  await instance.line(/"rob": parked/);
  const tenants = Object.fromEntries((await instance.ask("GET", "/tenants")).map(({ id, ...rest }) => [id, rest]));
  assertEquals(Object.keys(tenants), ["ann", "bea", "bob", "dee", "rob"]);
  assertEquals([tenants.ann.state, tenants.ann.instance], ["running", instance.name]);
  assertEquals([tenants.rob.state, tenants.rob.failures], ["parked", 1]);
  assertMatch(String(tenants.rob.lastError), /the messenger refuses the token/);
  assertEquals([tenants.bea.state, tenants.bea.lastError], ["retrying", "the messenger is busy"]);
  assertMatch(String(tenants.bea.nextTry), /^\d{4}-.+Z$/);
});

aloneTest("pauses, resumes, restarts, adds and removes tenants, and ends at once", async (instance) => {
  await instance.line(/"rob": parked/);
  assertEquals(await instance.ask("POST", "/tenants/ann/pause", { reason: "invoice 7" }), [{
    id: "ann",
    isChanged: true,
  }]);
  await instance.line(/"ann": paused: invoice 7$/);
  await instance.line(/"ann": stopped/);
  assertEquals((await tenant(instance, "ann"))?.state, "paused");
  await instance.ask("POST", "/tenants/ann/resume");
  await instance.line(/"ann": resumed$/);
  await instance.line(/"ann": started$/);
  await instance.ask("POST", "/tenants/rob/restart");
  await instance.line(/"rob": unparked \(change\)$/);
  await instance.line(/"rob": parked/);
  await instance.ask("PUT", "/tenants/zoe", { token: "fine-2" });
  await instance.line(/"zoe": started$/);
  await instance.ask("DELETE", "/tenants/zoe");
  await instance.line(/"zoe": removed from the table$/);
  assertEquals(await tenant(instance, "zoe"), undefined);
  assertEquals(await instance.ask("POST", "/tenants/zoe/pause"), [{ id: "zoe", isChanged: false }]);
  assertEquals((await instance.end("SIGINT")).code, 0, instance.output);
});

aloneTest("refuses what is wrong and names the value", async (instance) => {
  const wrong: [method: string, path: string, body: unknown, error: RegExp][] = [
    ["PUT", "/tenants/zoe", {}, /token: must be 1 to 64 letters.* current value is undefined/],
    ["PUT", "/tenants/zoe", { token: "a b" }, /current value is \\"a b\\"/],
    ["PUT", "/tenants/zoe", null, /token: must be/],
    ["POST", "/tenants/ann/pause", { reason: 7 }, /reason must be a string, current value is 7/],
    ["POST", "/tenants/ann/pause", { untilAt: 7 }, /untilAt must be a moment after now/],
    ["POST", "/tenants", {}, /the method must be GET/],
  ];
  for (const [method, path, body, error] of wrong) {
    const { message } = await assertRejects(() => instance.ask(method, path, body), Error);
    assertMatch(message, error);
  }
});
