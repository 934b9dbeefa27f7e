import type { Entry, Pause, Runnable, Table, Trouble } from "@pact/supervisor";
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
  /** Whether it has ever been broken or slow: what is known of it may be old then. */
  wasOdd = false;
  readonly pauses = new Map<string, Pause>();
  wholePause: Pause | undefined = undefined;
  /** What it was told of each key, if that has not ended, and of which version. */
  readonly troubles = new Map<string, { readonly version: unknown; readonly trouble: Trouble }>();
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
    this.pauses.delete(key);
    this.troubles.delete(key);
    if (this.rows.delete(key)) this.#announce(key);
  }

  pause(key: string): void {
    if (!this.rows.has(key)) return;
    this.pauses.set(key, { at: this.world.clock.now() });
    this.#announce(key);
  }

  /** Returns whether the key was paused by itself. */
  resume(key: string): boolean {
    if (!this.pauses.delete(key)) return false;
    this.troubles.delete(key);
    this.#announce(key);
    return true;
  }

  pauseAll(): void {
    this.wholePause = { at: this.world.clock.now(), isWholeTable: true };
    for (const key of this.rows.keys()) this.#announce(key);
  }

  resumeAll(): void {
    this.wholePause = undefined;
    for (const key of this.rows.keys()) this.#announce(key);
  }

  isPaused(key: string): boolean {
    return this.pauses.has(key) || (this.rows.has(key) && this.wholePause !== undefined);
  }

  report({ key, version }: { readonly key: string; readonly version?: unknown }, trouble: Trouble | undefined): void {
    if (this.isBroken) throw new SimError("table", "report"); // only the first of several is told
    if (this.rows.get(key)?.version !== version) return;
    if (trouble) this.troubles.set(key, { version, trouble });
    else this.troubles.delete(key);
  }

  /** What it remembers of a version, if that is the one that it has. */
  remembered(key: string, version: number | undefined): Trouble | undefined {
    const remembered = this.troubles.get(key);
    return remembered?.version === version ? remembered?.trouble : undefined;
  }

  async get(key: string): Promise<Entry<string, Runnable> | undefined> {
    const row = this.rows.get(key); // read now, answered later: as stale as a real answer
    const entry = row && this.#entry(key, row);
    const isBroken = this.isBroken;
    if (this.delayMs > 0) await this.world.clock.sleep(this.delayMs);
    if (isBroken) throw this.#fail("get");
    return entry;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Entry<string, Runnable>> {
    const entries = Array.from(this.rows, ([key, row]) => this.#entry(key, row)); // one batch, as a listing gives it
    for (const entry of entries) {
      if (this.delayMs > 0) await this.world.clock.sleep(this.delayMs);
      if (this.isBroken) throw this.#fail("iterate");
      yield entry;
    }
  }

  #fail(what: string): SimError {
    const error = new SimError("table", what);
    this.thrown.push(error);
    return error;
  }

  #entry(key: string, { version, behaviour }: Row): Entry<string, Runnable> {
    const { world } = this;
    const options = optionsOf[behaviour], trouble = this.remembered(key, version);
    return {
      key,
      version,
      pause: this.pauses.get(key) ?? this.wholePause,
      ...trouble && { trouble },
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
