/** The workflows run elsewhere: here they are checked against the schema, and the step that can run here is run. */

import { validateWorkflow } from "@action-validator/core";
import { assert, assertArrayIncludes, assertEquals, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, { readonly steps: readonly Step[] }>>;
}

const names = ["ci.yml", "publish.yml"];

async function read(name: string): Promise<string> {
  return await Deno.readTextFile(`.github/workflows/${name}`);
}

async function load(name: string): Promise<Workflow> {
  return parse(await read(name)) as Workflow;
}

function stepsOf({ jobs }: Workflow): Step[] {
  return Object.values(jobs).flatMap(({ steps }) => steps);
}

function errorsOf(text: string): unknown[] {
  return validateWorkflow(text).errors;
}

for (const name of names) {
  Deno.test(`${name} follows the schema of workflows`, async () => assertEquals(errorsOf(await read(name)), []));

  Deno.test(`${name} with a misspelt key does not follow the schema`, async () => {
    const text = await read(name);
    for (const key of ["runs-on:", "steps:", "uses:"]) {
      assert(errorsOf(text.replace(key, `x${key}`)).length > 0, `a wrong ${key} is not found`);
    }
  });
}

Deno.test("no other workflow is left unchecked", async () => {
  assertEquals((await Array.fromAsync(Deno.readDir(".github/workflows"), ({ name }) => name)).sort(), names);
});

Deno.test("ci.yml runs the gate on every push to main and every pull request, and may only read", async () => {
  const workflow = await load("ci.yml");
  assertEquals(Object.keys(workflow.on), ["push", "pull_request"]);
  assertEquals(workflow.permissions, { contents: "read" });
  assertArrayIncludes(stepsOf(workflow), [{ run: ".ci/run" }]);
});

Deno.test("publish.yml publishes tags of versions, with provenance, after it has checked the version", async () => {
  const workflow = await load("publish.yml");
  assertEquals(workflow.on, { push: { tags: ["v*"] } });
  assertEquals(workflow.permissions, { contents: "read", "id-token": "write" });
  const runs = stepsOf(workflow).flatMap(({ run }) => run ?? []);
  assertEquals(runs.length, 2);
  assertStringIncludes(runs[0], "GITHUB_REF_NAME");
  assertEquals(runs[1], "deno publish");
});

Deno.test("publish.yml refuses a tag that is not the version in deno.json", async () => {
  const { version } = JSON.parse(await Deno.readTextFile("deno.json"));
  const [{ run: check }] = stepsOf(await load("publish.yml")).filter(({ run }) => run);
  const accepts = async (tag: string) => {
    const path = `${Deno.execPath().replace(/\/[^/]+$/, "")}:${Deno.env.get("PATH")}`;
    const env = { GITHUB_REF_NAME: tag, PATH: path, NO_COLOR: "1" };
    return (await new Deno.Command("bash", { args: ["-ec", String(check)], env }).output()).success;
  };
  assertEquals([await accepts(`v${version}`), await accepts(version), await accepts("v9.9.9")], [true, false, false]);
});
