/**
 * What a run of the test with OS processes has shown.
 *
 * @module
 */

import { keys, type Line, lineKey } from "./chaos.ts";
import type { Deed, Havoc } from "./havoc.ts";
import { isResent, violationsOf, type Written } from "./history.ts";
import type { Observer } from "./observer.ts";

/** A slot or a process that lost its owner, and when it had the next one. */
export interface Gap {
  /** The slot or the process, and what was done to its owner. */
  readonly what: string;
  readonly durationMs: number;
  /** For how long of that the database took no writes, in ms. */
  readonly outageMs: number;
  /** For how long of that, at most, it took writes without a break, in ms. */
  readonly calmMs: number;
}

/** The histories of all processes, and what they say. */
export class Findings {
  readonly #havoc: Havoc;
  readonly #observer: Observer;
  readonly #histories: ReadonlyMap<string, readonly Written[]>;

  private constructor(havoc: Havoc, observer: Observer, histories: ReadonlyMap<string, readonly Written[]>) {
    this.#havoc = havoc;
    this.#observer = observer;
    this.#histories = histories;
  }

  /** Reads the histories. */
  static async read(kv: Deno.Kv, havoc: Havoc, observer: Observer): Promise<Findings> {
    const histories = new Map<string, Written[]>();
    for (const key of keys) {
      const rows = kv.list<Line>({ prefix: lineKey(key, "").slice(0, -1) }, { batchSize: 500 });
      const lines = await Array.fromAsync(rows, ({ value, versionstamp }) => ({ ...value, versionstamp }));
      histories.set(key, lines);
    }
    return new Findings(havoc, observer, histories);
  }

  /** What is wrong with the histories. */
  get violations(): string[] {
    return [...this.#histories].flatMap(([key, lines]) => {
      const tokens = this.#observer.of(key).flatMap(({ token }) => token ?? []);
      return violationsOf(lines, tokens).map((violation) => `${key}: ${violation}`);
    });
  }

  /** How many lines are there again, as the client sent a write twice. */
  get resent(): number {
    const resent = [...this.#histories.values()].map((lines) =>
      lines.filter((line, index) => isResent(line, lines[index - 1])).length
    );
    return sum(resent);
  }

  /** How long the slots of those to whom something was done had no owner. */
  slotGaps(what: Deed["what"]): Gap[] {
    return this.#gaps(what, (deed) =>
      this.#observer.seen.flatMap((seen, slot) => {
        const last = seen.findLastIndex(({ at }) => at <= deed.at);
        if (seen[last]?.owner !== deed.owner) return [];
        const next = seen.slice(last + 1).find(({ owner }) => owner !== undefined && owner !== deed.owner);
        return [{ name: `slot ${slot}`, untilAt: next?.at ?? Infinity }];
      }));
  }

  /** How long the processes of those to whom something was done wrote nothing: a new owner that is disturbed counts too. */
  processGaps(what: Deed["what"]): Gap[] {
    return this.#gaps(what, (deed) =>
      [...this.#histories].flatMap(([key, lines]) => {
        const next = lines.findIndex(({ versionstamp }) => this.#observer.timeOf(versionstamp) > deed.at);
        if (lines[next - 1]?.owner !== deed.owner) return [];
        const line = lines.slice(next).find(({ owner }) => owner !== deed.owner);
        return [{ name: key, untilAt: line ? this.#observer.timeOf(line.versionstamp) : Infinity }];
      }));
  }

  /** What the instances printed about something. */
  printed(pattern: RegExp): string[] {
    return this.#havoc.instances.flatMap(({ owner, lines }) =>
      lines.filter((line) => pattern.test(line)).map((line) => `${owner}: ${line}`)
    );
  }

  /** The figures, to be printed. */
  toString(): string {
    const { deeds } = this.#havoc;
    const { outages, seen } = this.#observer;
    const done = (what: Deed["what"]) => deeds.filter((deed) => deed.what === what).length;
    const moves = seen.map((each) => each.filter(({ owner }) => owner !== undefined).length - 1);
    const writes = [...this.#histories.values()].map(({ length }) => length);
    return [
      `${deeds.length} faults: ${done("kill")} kills, ${done("pause")} pauses, ${
        done("restart")
      } restarts, of the server ` +
      `${done("server kill")} kills and ${done("server pause")} pauses; ${sum(moves)} moves of slots`,
      `${sum(writes) - this.resent} guarded writes, ${this.violations.length} wrong, ` +
      `${this.printed(/ refused p\d+$/).length} refused as they came from a former owner, ${this.resent} landed twice`,
      `${this.printed(/ is fenced/).length} times a session was fenced`,
      `times without any writes: ${summary(outages.map(({ fromAt, untilAt }) => untilAt - fromAt))}`,
      ...(["kill", "restart"] as const).flatMap((what) => [
        `slots without an owner after a ${what}: ${gapSummary(this.slotGaps(what))}`,
        `processes that did not write after a ${what}: ${gapSummary(this.processGaps(what))}`,
      ]),
    ].join("\n");
  }

  #gaps(what: Deed["what"], next: (deed: Deed) => { name: string; untilAt: number }[]): Gap[] {
    return this.#havoc.deeds.filter((deed) => deed.what === what).flatMap((deed) =>
      next(deed).map(({ name, untilAt }) => ({
        what: `${name} after the ${what} of ${deed.owner}`,
        durationMs: untilAt - deed.at,
        outageMs: this.#observer.outageWithin(deed.at, untilAt),
        calmMs: this.#observer.calmWithin(deed.at, untilAt),
      }))
    );
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function gapSummary(gaps: readonly Gap[]): string {
  const calm = gaps.filter(({ outageMs }) => outageMs === 0);
  const all = summary(gaps.map(({ durationMs }) => durationMs));
  if (calm.length === gaps.length) return all;
  return `${all}; not counting those during which no instance could write: ${
    summary(calm.map(({ durationMs }) => durationMs))
  }`;
}

function summary(durationsMs: readonly number[]): string {
  if (durationsMs.length === 0) return "none";
  const sorted = durationsMs.toSorted((a, b) => a - b);
  return `${sorted.length}, median ${sorted[sorted.length >> 1]} ms, worst ${sorted.at(-1)} ms`;
}
