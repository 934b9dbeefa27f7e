import { assert, assertEquals } from "@std/assert";
import { closeBrowser, hasBrowser } from "./browser.ts";
import { sized } from "../size.ts";
import { measurePage } from "./page_cost.ts";

/** The browser's own pipes and timers outlive a test. */
const options = { ignore: !hasBrowser(), sanitizeOps: false, sanitizeResources: false };

Deno.test.afterAll(closeBrowser);

/** The first look costs more than a minute may, and so does one each five minutes: this is what a page costs that stays open. */
const minutes = sized({ short: 6, full: 20 });

Deno.test("an open page reads at most 30 units a minute, a hidden one and none nothing", options, async () => {
  const { closed, opened, hidden, named } = await measurePage({ entries: 10_000, ailing: 50, minutes });
  assertEquals([closed, hidden], [0, 0]);
  assert(named >= 45, `only ${named} keys in trouble are named`);
  assert(opened <= 30, `${opened} units a minute`);
});
