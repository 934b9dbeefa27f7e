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

let launched: Promise<Browser> | undefined;

/** Returns the browser, which all tests of a file share. */
export function browser(): Promise<Browser> {
  return launched ??= chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/** Ends it. */
export async function closeBrowser(): Promise<void> {
  await (await launched)?.close();
  launched = undefined;
}

/** What a page is opened with. */
export interface OpenOptions {
  /** Where the handler is mounted, and what stands in the fragment. */
  readonly path?: string;
  readonly colorScheme?: "light" | "dark";
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Is called before anything is loaded. */
  readonly prepare?: (page: Page) => Promise<unknown>;
}

/** The page of a handler. */
export class OpenPage implements AsyncDisposable {
  /** What has gone wrong in the page. */
  readonly wrong: string[] = [];
  /** What it has asked for. */
  readonly asked: string[] = [];
  readonly #server: Deno.HttpServer | undefined;

  private constructor(readonly page: Page, server?: Deno.HttpServer) {
    this.#server = server;
    page.setDefaultTimeout(20_000);
    page.on("request", (request) => this.asked.push(new URL(request.url()).pathname));
    page.on("console", (message) => message.type() === "error" && this.wrong.push(message.text()));
    page.on("pageerror", ({ message }) => this.wrong.push(message));
    page.on("dialog", (dialog) => {
      this.wrong.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  /** Opens the page of a handler, or of a server that is somewhere else. */
  static async open(
    shown: ((request: Request) => Promise<Response>) | URL,
    { path = "/", prepare, ...context }: OpenOptions = {},
  ): Promise<OpenPage> {
    const server = shown instanceof URL
      ? undefined
      : Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, shown);
    const page = await (await (await browser()).newContext(context)).newPage();
    const opened = new OpenPage(page, server);
    await prepare?.(page);
    await page.goto(new URL(path, server ? `http://127.0.0.1:${server.addr.port}` : shown as URL).href);
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
    await this.#server?.shutdown();
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

/** A program with a table in memory, whose page is open. */
export class Program implements AsyncDisposable {
  private constructor(
    readonly opened: OpenPage,
    readonly supervisor: Supervisor<string, Runnable>,
    readonly end: () => Promise<void>,
  ) {}

  /** The page. */
  get page(): Page {
    return this.opened.page;
  }

  /** Runs the program. A process that fails is started again after 4 s. */
  static async open(
    table: MapTable<string, Runnable>,
    authorize: Authorize,
    options: OpenOptions = {},
  ): Promise<Program> {
    const supervisor = new Supervisor(table, { restart: { minDelayMs: 4_000, jitter: 0 } });
    supervisor.subscribe(() => {});
    const over = Promise.withResolvers<void>(), ending = new AbortController();
    const run = supervisor.run(() => over.promise);
    const handle = inspect({ supervisor, table, authorize, title: "bots", signal: ending.signal });
    const opened = await OpenPage.open(handle, options);
    return new Program(opened, supervisor, async () => {
      ending.abort();
      await opened[Symbol.asyncDispose]();
      over.resolve();
      await run;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}
