import { assertEquals } from "@std/assert";
import { idOf, keyOfId, textOf } from "../../src/inspect/key_id.ts";

const keys = [
  "",
  "..",
  "a/b",
  "\0",
  "ä€😀",
  "\ud800",
  "\udc00a",
  "s",
  "n1",
  "%2f",
  "<script>",
  "a\u2028b",
  1,
  0.1,
  1e21,
  -1,
];
const others = [Infinity, -Infinity, 5n, -(2n ** 80n), true, false];

for (const key of [...keys, ...others]) {
  Deno.test(`idOf(${JSON.stringify(textOf(key))}) is one segment of a URL and reads back`, () => {
    const id = idOf(key);
    assertEquals(/^[\w-]+$/.test(id), true);
    assertEquals(keyOfId(id), key);
  });
}

Deno.test("idOf() is different for keys of different types, and the same for 0 and -0", () => {
  assertEquals(new Set(["1", 1, 1n, true, "true"].map(idOf)).size, 5);
  assertEquals(idOf(-0), idOf(0));
});

for (
  const id of [
    "",
    "%",
    "a",
    "====",
    "c3M",
    "bm5hbg",
    btoa(" 1"),
    btoa("1N"),
    btoa("n"),
    btoa("NaN"),
    "__",
    idOf("a") + "=",
  ]
) {
  Deno.test(`keyOfId(${JSON.stringify(id)}) knows no key with that id, or the very one`, () => {
    const key = keyOfId(id);
    assertEquals(key === undefined || idOf(key) === id, true);
  });
}

Deno.test("keyOfId() refuses a second spelling of an id", () => {
  const texts = [
    "01",
    "1.0",
    "01n",
    "0x5",
    "0x5n",
    "TRUE",
    "-0",
    "NaN",
    "null",
    "x",
    "",
    " 1",
    "n",
    "'a'",
    '"\\u0061"',
    '"a" ',
  ];
  for (const text of texts) {
    assertEquals(keyOfId(btoa(text).replaceAll("=", "")), undefined, text);
  }
});
