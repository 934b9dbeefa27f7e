/**
 * A real browser beside a program that it looks at.
 *
 * @module
 */

import { leaf, type MapTable, type Runnable, Supervisor } from "@pact/supervisor";
import { delay } from "@std/async/delay";
import { type Browser, chromium, type Page } from "playwright-core";
import { type Authorize, inspect } from "../../src/inspect/mod.ts";

/** Where Debian puts it. */
const executablePath = "/usr/bin/chromium";

/** Tells whether there is a browser, and says so in one line if there is none. */
export function hasBrowser(): boolean {
  try {
    return Deno.statSync(executablePath).isFile;
  } catch (_absent) {
    console.log("no browser: the tests of the page are skipped; Debian's package chromium has one");
    return false;
  }
}

/** A process that runs until it is told to fail. */
export class Bot {
  #failure: PromiseWithResolvers<void> = Promise.withResolvers();

  fail(error: unknown): void {
    this.#failure.reject(error);
    this.#failure.promise.catch(() => {});
    this.#failure = Promise.withResolvers();
  }

  readonly run: Runnable = leaf(async (signal) => {
    await Promise.race([delay(10_000_000, { signal }), this.#failure.promise]);
  });
}

/** A program whose page is open. */
export class Program implements AsyncDisposable {
  readonly table: MapTable<string, Runnable>;
  readonly supervisor: Supervisor<string, Runnable>;
  readonly page: Page;
  /** What has gone wrong in the page. */
  readonly wrong: string[] = [];
  readonly #browser: Browser;
  readonly #end: () => Promise<void>;

  private constructor(
    { table, supervisor, page, browser, end }: Pick<Program, "table" | "supervisor" | "page"> & {
      readonly browser: Browser;
      readonly end: () => Promise<void>;
    },
  ) {
    this.table = table;
    this.supervisor = supervisor;
    this.page = page;
    this.#browser = browser;
    this.#end = end;
    page.on("console", (message) => message.type() === "error" && this.wrong.push(message.text()));
    page.on("pageerror", ({ message }) => this.wrong.push(message));
    page.on("dialog", (dialog) => {
      this.wrong.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  static async open(
    table: MapTable<string, Runnable>,
    authorize: Authorize,
    path: string,
    context: { readonly colorScheme?: "light" | "dark"; readonly viewport?: { width: number; height: number } } = {},
  ): Promise<Program> {
    const supervisor = new Supervisor(table, { restart: { minDelayMs: 5_000, jitter: 0 } });
    supervisor.subscribe(() => {});
    const over = Promise.withResolvers<void>(), ending = new AbortController();
    const run = supervisor.run(() => over.promise);
    const handle = inspect({ supervisor, table, authorize, title: "bots", signal: ending.signal });
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handle);
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    const page = await (await browser.newContext(context)).newPage();
    const end = async () => {
      ending.abort();
      await server.shutdown();
      over.resolve();
      await run;
    };
    const program = new Program({ table, supervisor, page, browser, end });
    await page.goto(`http://127.0.0.1:${server.addr.port}${path}`);
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await this.#end();
  }
}
