import { assertEquals } from "@std/assert";
import { keySize } from "../../../src/kv/key_parts.ts";
import { valueSize } from "../units.ts";
import { nameOf, prefix, rowSize, tenantOf } from "./instance.ts";

Deno.test("tenantOf() makes rows of the size that is told, the first and the last one", () => {
  const sizes = [0, 99_999].map((index) => {
    const name = nameOf(index);
    return keySize([...prefix, name]) + valueSize(tenantOf(name));
  });
  assertEquals(sizes, [rowSize, rowSize]);
});
