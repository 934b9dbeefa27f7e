import { assertEquals } from "@std/assert";
import { Face } from "./fixtures.ts";

Deno.test("the overview names the timeline that DENO_TIMELINE says, and none without it", async () => {
  const face = new Face({});
  assertEquals((await face.json("/api/overview")).timeline, undefined);
  Deno.env.set("DENO_TIMELINE", "production");
  try {
    assertEquals((await face.json("/api/overview")).timeline, "production");
  } finally {
    Deno.env.delete("DENO_TIMELINE");
  }
});

Deno.test({
  name: "the overview does without the right to read DENO_TIMELINE",
  permissions: { env: false },
  fn: async () => assertEquals((await new Face({}).json("/api/overview")).timeline, undefined),
});
