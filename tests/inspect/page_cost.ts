/**
 * Measures what an open page costs at the database: a real browser, whose time passes as fast as its page can do what it does.
 *
 * @module
 */

import { chain, leaf, nop, type Runnable, Supervisor, systemClock, UnrecoverableError } from "@pact/supervisor";
import { delay } from "@std/async/delay";
import { Cluster } from "../../src/cluster/mod.ts";
import { anyone, inspect } from "../../src/inspect/mod.ts";
import { KvTable } from "../../src/kv/mod.ts";
import { MeteredKv } from "../bench/units.ts";
import { OpenPage } from "./browser.ts";

/** What is looked at. */
export interface PageScene {
  readonly entries: number;
  /** Half of them are parked, half are tried again and again. */
  readonly ailing: number;
  readonly minutes: number;
}

/** Read units. */
export interface PageCost {
  /** While no page is open, in all. */
  readonly closed: number;
  /** Of an open page, in each minute; what it asks for when it is opened included. */
  readonly opened: number;
  /** While it is hidden, in all. */
  readonly hidden: number;
  /** The keys in trouble that the page names. */
  readonly named: number;
}

const parked: Runnable = leaf(() => Promise.reject(new UnrecoverableError("401")));
const failing: Runnable = leaf(() => Promise.reject(new Error("500")));

/** Measures a page that one of two instances serves. Only what the page causes is counted. */
export async function measurePage({ entries, ailing, minutes }: PageScene): Promise<PageCost> {
  using kv = await Deno.openKv(":memory:");
  const create = (spec: string, _key: string): Runnable => spec === "parked" ? parked : spec === "bad" ? failing : nop;
  for (let first = 0; first < entries; first += 500) {
    const atomic = kv.atomic();
    for (let index = first; index < Math.min(entries, first + 500); index++) {
      atomic.set(["bots", `tenant-${index}`], index >= ailing ? "ok" : index % 2 === 0 ? "parked" : "bad");
    }
    await atomic.commit();
  }
  const ending = new AbortController();
  const [one, other] = await Promise.all([0, 1].map(async () => {
    const cluster = new Cluster(kv, { allowLocal: true, watchSees: "everybody" });
    cluster.subscribe(() => {});
    const table = cluster.table(kv, { prefix: ["bots"], create });
    const supervisor = new Supervisor(table, { restart: { minDelayMs: 100, maxDelayMs: 1_000 } });
    supervisor.subscribe(() => {});
    const up = Promise.withResolvers<void>();
    const over = chain(cluster, supervisor).run(async (signal) => {
      up.resolve();
      await delay(10_000_000, { signal: AbortSignal.any([signal, ending.signal]) }).catch(() => {});
    });
    await Promise.race([up.promise, over]);
    return { cluster, supervisor, over };
  }));
  const metered = new MeteredKv(kv);
  let passedMs = 0;
  const clock = {
    ...systemClock,
    now: () => Date.now() + passedMs,
    monotonic: () => systemClock.monotonic() + passedMs,
  };
  const handle = inspect({
    supervisor: one.supervisor,
    cluster: one.cluster,
    table: new KvTable(metered, { prefix: ["bots"], create }),
    authorize: anyone(),
    signal: ending.signal,
    clock,
  });
  try {
    const known = () => [one, other].map(({ supervisor }) => Object.values(supervisor.summary().counts));
    while (
      known().flat().reduce((sum, count) => sum + count, 0) < entries || known().some(({ length }) => length < 3)
    ) await delay(100);
    const closed = metered.units.reads;
    await using opened = await OpenPage.open(handle, { prepare: (page) => page.clock.install() });
    const { page } = opened, asked = new Set<object>();
    page.on("request", (request) => void (request.url().endsWith("/events") || asked.add(request)));
    page.on("requestfinished", (request) => void asked.delete(request));
    page.on("requestfailed", (request) => void asked.delete(request));
    const pass = async (ms: number) => {
      for (let stepMs = 0; stepMs < ms; stepMs += 2_000) {
        passedMs += 2_000;
        await page.clock.runFor(2_000);
        do await delay(10); while (asked.size > 0); // what it asks for at one moment is answered at that moment
      }
      await delay(500);
    };
    await pass(minutes * 60_000);
    const open = metered.units.reads - closed, named = await page.locator("#trouble article").count();
    await page.evaluate(
      `Object.defineProperty(document, "hidden", { get: () => true }); document.dispatchEvent(new Event("visibilitychange"))`,
    );
    await delay(500);
    const before = metered.units.reads;
    await pass(minutes * 60_000);
    return { closed, opened: open / minutes, hidden: metered.units.reads - before, named };
  } finally {
    ending.abort();
    await Promise.all([one.over, other.over]);
  }
}
