/**
 * Runs subjects round by round, each measurement in an OS process of its own.
 *
 * @module
 */

import { type Measures, NotInstalledError } from "./subjects/subject.ts";

/** How long a measurement may take, in ms: one that hangs is ended and said to have failed. */
const patienceMs = 300_000;

/** What one OS process measures. */
export interface Probe {
  /** Who is measured. */
  readonly subject: string;
  /** At what. */
  readonly section: string;
  /** With how many processes, calls or samples. */
  readonly size: number;
  /** With how many it warms up. */
  readonly warmSize: number;
  /** How often it measures; the median counts. */
  readonly times: number;
  /** The checkout that is measured, when it is not this one. */
  readonly checkout?: string;
}

/** What was found: for every probe a value per round, or why there is none. */
export interface Rounds {
  /** The measures of every round by probe. */
  readonly found: ReadonlyMap<Probe, readonly Measures[]>;
  /** Why a probe could not be made. */
  readonly missing: ReadonlyMap<Probe, Error>;
}

/**
 * Measures probes that are compared with each other, one after the other, in another order each round, so that what the
 * machine does beside it falls on all of them.
 *
 * @param probes What to measure.
 * @param rounds How many rounds there are.
 * @param timesAtMost How often a probe measures at most within a round.
 * @returns What was found.
 */
export async function runRounds(probes: readonly Probe[], rounds: number, timesAtMost = Infinity): Promise<Rounds> {
  const found = new Map<Probe, Measures[]>();
  const missing = new Map<Probe, Error>();
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < probes.length; i++) {
      const probe = probes[(i + round) % probes.length];
      if (missing.has(probe)) continue;
      try {
        const measures = await runTwice({ ...probe, times: Math.min(probe.times, timesAtMost) });
        found.set(probe, [...found.get(probe) ?? [], measures]);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        missing.set(probe, error);
        found.delete(probe);
      }
    }
  }
  return { found, missing };
}

/** A program that something on the machine has ended is started once more: it would take all other rounds with it. */
async function runTwice(probe: Probe): Promise<Measures> {
  try {
    return await runProbe(probe);
  } catch (error) {
    if (error instanceof NotInstalledError) throw error;
    console.error(`Once more, since ${error instanceof Error ? error.message : error}`);
    return await runProbe(probe);
  }
}

async function runProbe(probe: Probe): Promise<Measures> {
  const { success, code, signal, stdout, stderr } = await commandOf(probe).output();
  const line = new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "";
  if (!success || !line.startsWith("{")) {
    const said = new TextDecoder().decode(stderr).trim().split("\n").slice(0, 5).join(" ");
    throw new Error(
      `${probe.subject} failed at ${probe.section} of ${probe.size}: ${said || (signal ?? `code ${code}`)}`,
    );
  }
  const result: Measures | { notInstalled: string } = JSON.parse(line);
  if (typeof result.notInstalled === "string") throw new NotInstalledError(result.notInstalled);
  return result as Measures;
}

function commandOf({ subject, section, checkout, ...numbers }: Probe): { output(): Promise<Deno.CommandOutput> } {
  const how = [section, ...[numbers.size, numbers.warmSize, numbers.times].map(String)];
  if (subject === "otp") return otp(how);
  const root = checkout ?? new URL("../..", import.meta.url).pathname;
  const child = `${root}/tests/bench/child.ts`;
  // A million processes need more than the default limit; how the young generation is collected does not depend on it.
  const flags = ["--v8-flags=--expose-gc,--max-old-space-size=8192", "--unstable-kv"];
  const args = ["run", "-A", "--no-check", ...flags, "--import-map", "tests/npm/import_map.json", child];
  return new Deno.Command(Deno.execPath(), {
    args: [...args, subject, ...how],
    cwd: root,
    signal: AbortSignal.timeout(patienceMs),
  });
}

function otp(args: string[]): { output(): Promise<Deno.CommandOutput> } {
  const script = new URL("subjects/otp.escript", import.meta.url).pathname;
  const command = new Deno.Command("escript", { args: [script, ...args], signal: AbortSignal.timeout(patienceMs) });
  return {
    output: async () => {
      try {
        return await command.output();
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        throw new NotInstalledError("escript is not on the PATH (Debian: erlang-base)");
      }
    },
  };
}
