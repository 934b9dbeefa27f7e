/**
 * The gates of one database handle, and who opens them.
 *
 * @module
 */

import { type Clock, pause } from "../clock.ts";
import { Gate } from "./gate.ts";
import { Prober } from "./prober.ts";

/**
 * What calls are for. While a call of one purpose goes unanswered after its deadline, no further one of that purpose is made.
 */
export type Purpose =
  | "heartbeat"
  | "sessions"
  | "burial"
  | "claims"
  | "ownership"
  | "bell"
  | "join"
  | "generation"
  | "log"
  | "look"
  | "listing"
  | "write";

/** How many unanswered calls of a purpose close its gate: a session that loses one heartbeat must not lose the next one, too. */
const limits: Partial<Record<Purpose, number>> = { heartbeat: 2 };

/** Asked for by probes: no record is there, whatever the prefix, as all of ours have a longer key. */
const nowhere: Deno.KvKey = ["@pact/supervisor"];

/** How a handle is probed. */
export interface ProbeOptions {
  /** What the database was opened with: where that is a URL, the server itself is asked first. */
  readonly path: string | undefined;
  /** How often, in ms. */
  readonly probeMs: number;
}

const known: WeakMap<Deno.Kv, WeakMap<Clock, Gates>> = new WeakMap();

/** All that share a handle share its gates: tables and a cluster. */
export class Gates {
  readonly #kv: Deno.Kv;
  readonly #clock: Clock;
  readonly #gates: Map<Purpose, Gate> = new Map();
  #path: string | undefined = undefined;
  #probeMs = Infinity;
  #prober: Prober | undefined = undefined;
  #waiting = 0;

  private constructor(kv: Deno.Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /** Returns the gates of a handle, which is probed as often as the most impatient one of those that share it wants. */
  static of(kv: Deno.Kv, clock: Clock, { path, probeMs }: ProbeOptions): Gates {
    let ofClock = known.get(kv);
    if (!ofClock) known.set(kv, ofClock = new WeakMap());
    let gates = ofClock.get(clock);
    if (!gates) ofClock.set(clock, gates = new Gates(kv, clock));
    gates.#path ??= path;
    gates.#probeMs = Math.min(gates.#probeMs, probeMs);
    return gates;
  }

  /** Returns the gate of a purpose. */
  of(purpose: Purpose): Gate {
    let gate = this.#gates.get(purpose);
    if (!gate) {
      gate = new Gate({ limit: limits[purpose] ?? 1, pauseMs: this.#probeMs });
      this.#gates.set(purpose, gate);
    }
    return gate;
  }

  /**
   * Waits for a gate to open. Meanwhile the database is probed: nothing goes on when nothing waits.
   *
   * @param opened Is called once then.
   * @returns Ends the wait.
   */
  wait(gate: Gate, opened: () => void): Disposable {
    const end = () => {
      waiting[Symbol.dispose]();
      if (--this.#waiting === 0) this.#prober?.stop();
    };
    const waiting = gate.wait(() => {
      end();
      opened();
    });
    if (this.#waiting++ === 0) (this.#prober ??= this.#newProber()).start();
    return { [Symbol.dispose]: end };
  }

  /** Takes note that a call was answered: so may be those that wait. */
  answered(): void {
    this.#prober?.hurry();
  }

  #newProber(): Prober {
    const url = serverOf(this.#path);
    return new Prober({
      clock: this.#clock,
      everyMs: this.#probeMs,
      ask: () => this.#kv.get(nowhere),
      reach: url && ((signal) => isReached(url, this.#clock, this.#probeMs / 2, signal)),
      answered: () => {
        const nowMs = this.#clock.monotonic();
        for (const gate of this.#gates.values()) gate.probed(nowMs);
      },
    });
  }
}

/** Returns the URL of a remote database if this program may call it. */
function serverOf(path: string | undefined): URL | undefined {
  const url = path === undefined ? null : URL.parse(path);
  if (!url || !/^https?:$/.test(url.protocol)) return undefined;
  return Deno.permissions.querySync({ name: "net", host: url.host }).state === "granted" ? url : undefined;
}

/** Tells whether a server answers at all. What it says does not matter, unless it is that it cannot serve. */
async function isReached(url: URL, clock: Clock, limitMs: number, signal: AbortSignal): Promise<boolean> {
  const over = new AbortController();
  void pause(clock, limitMs, signal, over.signal).then(() => over.abort());
  try {
    const response = await fetch(url, { redirect: "manual", signal: over.signal });
    await response.body?.cancel();
    return response.status < 500;
  } catch (_unreachable) {
    return false;
  } finally {
    over.abort();
  }
}
