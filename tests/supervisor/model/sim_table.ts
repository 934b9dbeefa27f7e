import type { Entry, Runnable, Table } from "@pact/supervisor";
import { type Behaviour, optionsOf, SimError, SimProcess, type World } from "./sim_process.ts";

interface Row {
  readonly version: number;
  readonly behaviour: Behaviour;
}

/** A table that can be slow and broken, and may or may not announce its changes. */
export class SimTable implements Table<string, Runnable> {
  readonly rows = new Map<string, Row>();
  /** How the entry of each version that there ever was behaves. */
  readonly behaviours = new Map<number, Behaviour>();
  isBroken = false;
  delayMs = 0;
  /** What it failed with, to be found again exactly once. */
  readonly thrown: unknown[] = [];
  changes?: (options: { signal: AbortSignal }) => AsyncIterable<string | undefined>;
  #version = 0;
  #wake = Promise.withResolvers<void>();
  readonly #dirty = new Set<string>();

  constructor(readonly world: World, announces: boolean) {
    if (announces) this.changes = ({ signal }) => this.#changes(signal);
  }

  set(key: string, behaviour: Behaviour): void {
    this.rows.set(key, { version: ++this.#version, behaviour });
    this.behaviours.set(this.#version, behaviour);
    this.#announce(key);
  }

  delete(key: string): void {
    if (this.rows.delete(key)) this.#announce(key);
  }

  async get(key: string): Promise<Entry<string, Runnable> | undefined> {
    const row = this.rows.get(key); // read now, answered later: as stale as a real answer
    const isBroken = this.isBroken;
    if (this.delayMs > 0) await this.world.clock.sleep(this.delayMs);
    if (isBroken) throw this.#fail("get");
    return row && this.#entry(key, row);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Entry<string, Runnable>> {
    const rows = [...this.rows]; // one batch, as a listing gives it
    for (const [key, row] of rows) {
      if (this.delayMs > 0) await this.world.clock.sleep(this.delayMs);
      if (this.isBroken) throw this.#fail("iterate");
      yield this.#entry(key, row);
    }
  }

  #fail(what: string): SimError {
    const error = new SimError("table", what);
    this.thrown.push(error);
    return error;
  }

  #entry(key: string, { version, behaviour }: Row): Entry<string, Runnable> {
    const { world } = this;
    const options = optionsOf[behaviour];
    return {
      key,
      version,
      ...options && {
        options: () => {
          world.built.set(key, version); // its build begins with that
          return this.delayMs > 0 ? Promise.resolve(options) : options;
        },
      },
      get(): Runnable | Promise<Runnable> {
        world.built.set(key, version);
        if (behaviour === "build fails") {
          const error = new SimError(key, "no build");
          world.thrown.push(error);
          throw error;
        }
        if (behaviour === "not runnable") return {} as Runnable;
        const process = new SimProcess(world, key, behaviour);
        return behaviour === "slow build" ? world.clock.sleep(200).then(() => process) : process;
      },
    };
  }

  #announce(key: string): void {
    if (!this.changes) return;
    this.#dirty.add(key);
    this.#wake.resolve();
  }

  async *#changes(signal: AbortSignal): AsyncGenerator<string> {
    const end = () => this.#wake.resolve();
    signal.addEventListener("abort", end);
    while (!signal.aborted) {
      for (const key of this.#dirty) {
        this.#dirty.delete(key);
        yield key;
      }
      this.#wake = Promise.withResolvers();
      if (!signal.aborted) await this.#wake.promise;
    }
    signal.removeEventListener("abort", end);
  }
}
