import { assert, assertEquals } from "@std/assert";
import axe from "axe-core";
import { MapTable, nop, type Runnable } from "@pact/supervisor";
import { anyone, bearer } from "../../src/inspect/mod.ts";
import { Bot, hasBrowser, Program } from "./browser.ts";

const token = "a-long-and-secret-token";
const path = `/admin/#token=${token}`;
const ignore = !hasBrowser();
/** The browser's own pipes and timers outlive a test. */
const options = { ignore, sanitizeOps: false, sanitizeResources: false };

function bots(count: number): MapTable<string, Runnable> {
  return new MapTable<string, Runnable>(Array.from({ length: count }, (_, index) => [`tenant-${index}`, nop]));
}

Deno.test(
  "the page shows what runs, takes the token out of the address, and executes nothing that it shows",
  options,
  async () => {
    const evil = "<img src=x onerror=alert(1)>", bot = new Bot(), table = bots(3);
    table.set(evil, bot.run);
    await using program = await Program.open(table, bearer(token), path);
    const { page } = program;
    await page.getByText("4 of 4 running").waitFor();
    assertEquals(new URL(page.url()).hash, "");
    await page.getByRole("listitem").filter({ hasText: evil }).waitFor();
    bot.fail(new Error("<script>alert(2)</script>", { cause: new Error(evil) }));
    const beganMs = performance.now();
    await page.locator("#troubled").getByText("<script>alert(2)</script>").waitFor();
    assert(performance.now() - beganMs < 1_500, "a failure is shown late");
    const next = page.locator("#troubled .next"), first = await next.textContent();
    while (await next.textContent() === first) await page.waitForTimeout(50);
    await page.getByText("4 of 4 running").waitFor();
    await page.locator("#fine").waitFor();
    assertEquals(program.wrong, []);
  },
);

Deno.test("the page asks for a token when it has none, and a wrong one is told", options, async () => {
  await using program = await Program.open(bots(2), bearer(token), "/");
  const { page } = program;
  await page.getByLabel("A token is needed").fill("wrong-wrong-wrong-wrong");
  await page.keyboard.press("Enter");
  await page.getByText("the token is wrong").waitFor();
  await page.getByLabel("A token is needed").fill(token);
  await page.keyboard.press("Enter");
  await page.getByText("2 of 2 running").waitFor();
  assert(await page.locator("#login").isHidden());
});

Deno.test("the page pauses and resumes with the keyboard alone, and says why and by whom", options, async () => {
  await using program = await Program.open(bots(12), () => "ada", "/");
  const { page, table, supervisor } = program;
  await page.getByText("12 of 12 running").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("tenant-7");
  await page.getByRole("listitem").nth(1).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "pause tenant-7" }).focus();
  await page.keyboard.press("Enter");
  await page.getByLabel("Why?").fill("invoice 7 is open");
  await page.getByRole("button", { name: "pause", exact: true }).press("Enter");
  await page.getByText("11 of 11 running").waitFor();
  assertEquals(supervisor.status("tenant-7")?.state, "paused");
  assertEquals([...table.pauses()].map(({ pause }) => [pause.by, pause.reason]), [["ada", "invoice 7 is open"]]);
  await page.getByText("paused by ada: invoice 7 is open").waitFor();
  await page.reload();
  assertEquals(await page.getByLabel("Key begins with").inputValue(), "tenant-7");
  await page.getByRole("button", { name: "resume tenant-7" }).press("Enter");
  await page.getByRole("button", { name: "resume", exact: true }).press("Enter");
  await page.getByText("12 of 12 running").waitFor();
});

Deno.test("the page has no buttons for what a request may not do", options, async () => {
  await using program = await Program.open(bots(2), anyone(), "/");
  await program.page.getByRole("listitem").first().waitFor();
  assertEquals(await program.page.getByRole("button", { name: /pause|restart|resume/ }).count(), 0);
});

Deno.test("the page scrolls through 10 000 processes without a task over 100 ms", options, async () => {
  await using program = await Program.open(bots(10_000), anyone(), "/");
  const { page } = program;
  await page.getByText("10000 of 10000 running").waitFor();
  await page.evaluate(() => {
    const long: number[] = Reflect.set(globalThis, "long", []) ? Reflect.get(globalThis, "long") : [];
    new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => long.push(duration)))
      .observe({ type: "longtask" });
  });
  for (let step = 0; step < 60; step++) {
    await page.locator("#list").evaluate((list) => list.scrollBy(0, 8_000));
    await page.waitForTimeout(50);
  }
  assert(await page.getByRole("listitem").count() < 60);
  const long: number[] = await page.evaluate(() => Reflect.get(globalThis, "long"));
  assertEquals(long.filter((ms) => ms > 100), []);
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [1_280, 390]) {
    Deno.test(`the page is accessible and fits, ${colorScheme}, ${width} pixels wide`, options, async () => {
      const bot = new Bot(), table = bots(30);
      table.set("bad", bot.run);
      table.pause("tenant-3");
      await using program = await Program.open(table, () => "ada", "/", {
        colorScheme,
        viewport: { width, height: 800 },
      });
      const { page } = program;
      await page.getByText("30 of 30 running").waitFor();
      bot.fail(new Error("broken"));
      await page.locator("#troubled").getByText("broken").waitFor();
      assertEquals(await page.evaluate("document.documentElement.scrollWidth"), width);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => Reflect.get(globalThis, "axe").run());
      const told = violations.map((each: axe.Result) => `${each.id}: ${each.nodes.map(({ html }) => html).join(" ")}`);
      assertEquals(told, []);
    });
  }
}
