import { assert, assertEquals } from "@std/assert";
import { oneLine, quote } from "../src/one_line.ts";

const lines: [text: string, line: string][] = [
  ["", ""],
  ["plain", "plain"],
  ["a\nb", "a\\nb"],
  ["a\r\nb", "a\\r\\nb"],
  ["a\tb", "a\\tb"],
  ["\x00", "\\x00"],
  ["\x1b[31mred", "\\x1b[31mred"],
  ["\x7f", "\\x7f"],
  ["\x9b31m", "\\x9b31m"],
  ["\u0085", "\\x85"],
  ["a\u2028b\u2029c", "a\\u2028b\\u2029c"],
  ["\u061c\u200e\u200f", "\\u061c\\u200e\\u200f"],
  ["\u202a\u202b\u202c\u202d\u202e", "\\u202a\\u202b\\u202c\\u202d\\u202e"],
  ["\u2066\u2067\u2068\u2069", "\\u2066\\u2067\\u2068\\u2069"],
  ["\ud800", "\\ud800"],
  ["a\udc00b", "a\\udc00b"],
  ["Grüße, 世界 😀", "Grüße, 世界 😀"],
  ['C:\\new "folder"', 'C:\\new "folder"'],
];
for (const [text, line] of lines) {
  Deno.test(`oneLine() says ${line}`, () => assertEquals(oneLine(text), line));
}

const cuts: [text: string, maxLength: number, line: string][] = [
  ["abcdef", 6, "abcdef"],
  ["abcdef", 5, "abcde… (1 more character)"],
  ["abcdef", 3, "abc… (3 more characters)"],
  ["a😀b", 2, "a… (3 more characters)"],
  ["a😀b", 3, "a😀… (1 more character)"],
  ["a\nb", 2, "a… (2 more characters)"],
  ["a\nb", 3, "a\\n… (1 more character)"],
];
for (const [text, maxLength, line] of cuts) {
  Deno.test(`oneLine() cuts ${JSON.stringify(text)} after ${maxLength} characters`, () => {
    assertEquals(oneLine(text, maxLength), line);
  });
}

Deno.test("oneLine() is as short when every character is escaped", () => {
  assert(oneLine("\x1b".repeat(1_000_000)).length < 1_050);
});

Deno.test("oneLine() reads no more than it shows", () => {
  const text = "\n".repeat(10_000_000);
  for (let i = 0; i < 1_000; i++) oneLine(text); // 10 GB, if it read all
});

Deno.test("quote() escapes quotes and backslashes too", () => {
  assertEquals(quote('a"b\\c\n\u202e'), '"a\\"b\\\\c\\n\\u202e"');
});

Deno.test("quote() puts the mark of a cut behind the quotes", () => {
  assertEquals(quote("abcdef", 3), '"abc"… (3 more characters)');
});
