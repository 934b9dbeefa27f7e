/**
 * Takes the picture of the page that README shows: three instances, with some processes in trouble.
 *
 * Usage: `deno task screenshot [--all <folder>]`; with `--all`, pictures for a look at the page in both schemes and at both widths.
 *
 * @module
 */

import { chain, leaf, RetryAfterError, type Runnable, Supervisor, UnrecoverableError } from "@pact/supervisor";
import { delay } from "@std/async/delay";
import { Cluster } from "../../src/cluster/mod.ts";
import { inspect } from "../../src/inspect/mod.ts";
import { browser, closeBrowser } from "./browser.ts";

const companies = "acme globex initech umbrella hooli stark wayne wonka tyrell cyberdyne".split(" ");
const cities = "berlin ghent lisbon malmo milan oslo paris porto riga turin vienna zurich".split(" ");
const picture = ".github/inspect.png";

/** What the bot of a tenant suffers from, if anything. */
function failureOf(tenant: string): Error | undefined {
  const cause = new TypeError("connection refused (203.0.113.7:443)");
  if (tenant === "acme-oslo") return new UnrecoverableError("401 Unauthorized: the token of the bot was revoked");
  if (tenant === "hooli-riga") return new Error("GET https://chat.example/messages failed", { cause });
  if (tenant === "tyrell-paris") return new RetryAfterError(95_000, "429 Too Many Requests");
}

function bot(tenant: string): Runnable {
  return leaf(async (signal, { alive }) => {
    alive(`${tenant.length * 7} messages`);
    const failure = failureOf(tenant);
    await delay(failure ? 300 : 1_000_000, { signal });
    throw failure;
  });
}

/** An instance of the program. */
class Instance implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly handle: (request: Request) => Promise<Response>;
  readonly #over = Promise.withResolvers<void>();
  readonly #ending = new AbortController();
  readonly #run: Promise<void>;

  constructor(kv: Deno.Kv, region: string) {
    const info = { region, url: `https://${region}.bots.example` };
    const cluster = new Cluster(kv, {
      allowLocal: true,
      heartbeatMs: 1_000,
      ttlMs: 6_000,
      slots: 64,
      revision: "8c41f2e",
      info,
    });
    const table = cluster.table(kv, { prefix: ["bots"], create: (_spec: string, key: string) => bot(key) });
    const supervisor = new Supervisor(table, { restart: { minDelayMs: 14_000, jitter: 0 } });
    supervisor.subscribe(() => {});
    const { signal } = this.#ending;
    this.handle = inspect({ supervisor, cluster, table, authorize: () => "ada", title: "chat bots", signal });
    this.cluster = cluster;
    this.#run = chain(cluster, supervisor).run(() => this.#over.promise);
  }

  /** Pauses a process. */
  async pause(key: string, reason: string): Promise<void> {
    const { items: [{ id }] } = await (await this.#ask(`processes?search=${key}`)).json();
    await this.#ask(`processes/${id}/pause`, { method: "POST", body: JSON.stringify({ reason }) });
  }

  #ask(path: string, init?: RequestInit): Promise<Response> {
    return this.handle(new Request(`http://localhost/api/${path}`, init));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    this.#over.resolve();
    await this.#run;
  }
}

async function take(
  origin: string,
  path: string,
  { isWhole, ...context }: {
    readonly colorScheme: "light" | "dark";
    readonly viewport: { readonly width: number; readonly height: number };
    readonly isWhole: boolean;
  },
): Promise<void> {
  const page = await (await (await browser()).newContext(context)).newPage();
  await page.goto(origin);
  await page.locator("#trouble .row").nth(2).waitFor();
  await page.getByRole("option").first().waitFor();
  await page.locator("#acted span").waitFor();
  await page.screenshot({ path, fullPage: isWhole });
  if (isWhole) {
    await page.getByRole("option").nth(5).click();
    await page.getByRole("dialog").waitFor();
    await page.screenshot({ path: path.replace(".png", "-dialog.png") });
  }
  await page.close();
  console.log(path);
}

if (import.meta.main) {
  const [flag, folder] = Deno.args;
  Deno.env.set("DENO_TIMELINE", "production");
  using kv = await Deno.openKv(":memory:");
  for (const tenant of companies.flatMap((company) => cities.map((city) => `${company}-${city}`))) {
    await kv.set(["bots", tenant], "every 2 s");
  }
  await using self = new Instance(kv, "fra");
  await using _second = new Instance(kv, "iad");
  await using _third = new Instance(kv, "syd");
  const isBalanced = () => {
    const { sessions } = self.cluster.snapshot();
    return sessions.length === 3 && sessions.every(({ slots }) => slots > 15);
  };
  while (!isBalanced()) await delay(50);
  await self.pause("wonka-vienna", "invoice 7 is open");
  await delay(6_000); // until each has failed and has said so in a heartbeat
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, self.handle);
  const origin = `http://127.0.0.1:${server.addr.port}/`;
  if (flag === "--all") {
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [1_280, 390]) {
        const viewport = { width, height: width === 390 ? 844 : 900 };
        await take(origin, `${folder}/${colorScheme}-${width}.png`, { colorScheme, viewport, isWhole: true });
      }
    }
  } else await take(origin, picture, { colorScheme: "light", viewport: { width: 1_280, height: 820 }, isWhole: false });
  await closeBrowser();
}
