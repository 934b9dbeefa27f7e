import { assert, assertEquals, assertThrows } from "@std/assert";
import { sized, sizeVariable } from "../size.ts";
import { sizedFiles } from "./test_long.ts";

const sizes = { short: 1, full: 2 };

/** Runs a test under a value of the variable, and restores what was there. */
function withSize(size: string | undefined, test: () => void): void {
  const before = Deno.env.get(sizeVariable);
  setSize(size);
  try {
    test();
  } finally {
    setSize(before);
  }
}

function setSize(size: string | undefined): void {
  if (size === undefined) Deno.env.delete(sizeVariable);
  else Deno.env.set(sizeVariable, size);
}

Deno.test("sized() is short by default and full when TEST_SIZE says so", () => {
  withSize(undefined, () => assertEquals(sized(sizes), 1));
  withSize("full", () => assertEquals(sized(sizes), 2));
});

Deno.test("sized() refuses a size that does not exist", () => {
  withSize("long", () => assertThrows(() => sized(sizes), Error, 'must be "full" or absent, current value is "long"'));
});

Deno.test("test:long finds the test files that have two sizes, and no others", async () => {
  const files = await sizedFiles();
  for (const path of ["cluster/chaos_os_test.ts", "cluster_simulation_test.ts", "supervisor/model_test.ts"]) {
    assert(files.includes(`tests/${path}`), `${path} is missing`);
  }
  assert(!files.includes("tests/clock_test.ts"));
});
