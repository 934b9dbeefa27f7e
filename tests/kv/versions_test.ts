import { assertEquals, assertNotEquals } from "@std/assert";
import { History } from "../../src/kv/history.ts";
import { Versions } from "../../src/kv/versions.ts";

/** The versions of one entry, by what is read of it. */
function versionsOf() {
  const history = new History();
  const versions = new Versions<string>(history);
  const of = (versionstamp: string, value: unknown, reading = versions.reading) => {
    return versions.of("acme", { key: ["bots", "acme"], value, versionstamp }, reading).version;
  };
  return { history, versions, of, replace: () => history.changed("") };
}

Deno.test("Versions.of() is the versionstamp in the first history, equal value or not", () => {
  const { of } = versionsOf();
  assertEquals([of("01", "a"), of("01", "a"), of("02", "a"), of("03", "b")], ["01", "01", "02", "03"]);
});

const afterwards: [what: string, versionstamp: string, value: unknown, isSame: boolean][] = [
  ["its versionstamp and its value", "05", { url: "u" }, true],
  ["its value under an earlier versionstamp", "03", { url: "u" }, true],
  ["its value under a later versionstamp", "09", { url: "u" }, true],
  ["its versionstamp and another value", "05", { url: "v" }, false],
  ["another value under an earlier versionstamp", "03", { url: "v" }, false],
  ["another value under a later versionstamp", "09", { url: "v" }, false],
];
for (const [what, versionstamp, value, isSame] of afterwards) {
  Deno.test(`Versions.of() is ${isSame ? "as before" : "another one"} when an entry has ${what} in another history`, () => {
    const { of, replace } = versionsOf();
    const before = of("05", { url: "u" });
    replace();
    assertEquals(of(versionstamp, value) === before, isSame);
    assertEquals(of(versionstamp, value), of(versionstamp, value), "it stays what it is");
  });
}

Deno.test("Versions.of() is another one for each write in another history, though it writes the same value", () => {
  const { of, replace } = versionsOf();
  of("05", "a");
  replace();
  assertEquals(new Set([of("05", "a"), of("06", "a"), of("07", "a")]).size, 3);
});

Deno.test("Versions.of() finds what has changed through several histories", () => {
  const { of, replace } = versionsOf();
  const seen = [of("05", "a")];
  for (const [versionstamp, value] of [["05", "b"], ["05", "a"], ["05", "c"]] as const) {
    replace();
    seen.push(of(versionstamp, value));
  }
  assertEquals(new Set(seen).size, 4);
});

Deno.test("Versions.of() compares the value of one entry after a doubt about it alone", () => {
  const { of, versions } = versionsOf();
  assertEquals([of("05", "a"), of("05", "b")], ["05", "05"], "the versionstamp says enough");
  versions.doubt("acme");
  assertEquals(of("05", "a"), "05");
  versions.doubt("other");
  assertEquals(of("05", "b"), "05");
  versions.doubt("acme");
  assertNotEquals(of("05", "b"), "05");
});

Deno.test("Versions.of() compares the values too after a doubt, and versionstamps as before", () => {
  const { of, versions } = versionsOf();
  assertEquals(of("05", "a"), "05");
  versions.doubt();
  assertEquals([of("05", "a"), of("06", "a")], ["05", "06"]);
  versions.doubt();
  const mended = of("06", "b");
  assertNotEquals(mended, "06");
  versions.doubt();
  assertEquals(of("06", "b"), mended);
});

Deno.test("Versions.of() does not take a reading from before another history was noticed for one of that", () => {
  const { of, versions, replace } = versionsOf();
  const before = of("05", "a");
  const { reading } = versions;
  replace();
  assertEquals(of("05", "a", reading), before);
  assertNotEquals(of("05", "b"), before, "the same number, another value");
});

Deno.test("Versions.of() takes what it told of the same write, until values are compared again", () => {
  const { versions } = versionsOf();
  const row = (versionstamp: string, value: unknown) => ({ key: ["bots", "acme"], versionstamp, value });
  const told = versions.of("acme", row("05", "a"), versions.reading);
  assertEquals(versions.of("acme", row("05", "a"), versions.reading, told), told);
  versions.doubt();
  assertNotEquals(versions.of("acme", row("05", "b"), versions.reading, told).version, "05");
});

Deno.test("Versions.of() does not take what it told of another write", () => {
  const { versions } = versionsOf();
  const told = versions.of("acme", { key: [], versionstamp: "05", value: "a" }, versions.reading);
  assertEquals(versions.of("acme", { key: [], versionstamp: "06", value: "a" }, versions.reading, told).version, "06");
});

Deno.test("Versions.forget() and a pass forget what is gone, and nothing else", () => {
  const { versions, of } = versionsOf();
  of("05", "a");
  versions.of("bolt", { key: [], value: 1, versionstamp: "01" }, versions.reading);
  const pass = versions.beginPass();
  versions.passed("acme");
  versions.of("new", { key: [], value: 1, versionstamp: "07" }, versions.reading);
  versions.endPass(pass);
  assertEquals(versions.size, 2);
  versions.forget("acme");
  assertEquals(versions.size, 1);
});
