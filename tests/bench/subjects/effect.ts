/**
 * Fibers of `npm:effect` in a FiberMap, each with an async body.
 *
 * @module
 */

import { collectGarbage, makeKeys, timeUs } from "./gauge.ts";
import { type Measures, NotInstalledError, type Subject } from "./subject.ts";

/** What is used of the package; its own types would have to be installed for everybody who checks types. */
interface EffectModule {
  readonly Effect: {
    promise(run: (signal: AbortSignal) => Promise<void>): unknown;
    provideService(effect: unknown, tag: unknown, scope: unknown): unknown;
    runPromise<T>(effect: unknown): Promise<T>;
  };
  readonly FiberMap: {
    make(): unknown;
    runtime(map: unknown): () => unknown;
    remove(map: unknown, key: string): unknown;
  };
  readonly Scope: { readonly Scope: unknown; makeUnsafe(): unknown; close(scope: unknown, exit: unknown): unknown };
  readonly Exit: { readonly void: unknown };
}

type Run = (key: string, effect: unknown) => unknown;

async function load(): Promise<EffectModule> {
  const name: string = "effect"; // as a variable, it is not looked for before it is needed
  try {
    return await import(name);
  } catch (error) {
    throw new NotInstalledError(`npm:effect cannot be loaded: ${error instanceof Error ? error.message : error}`);
  }
}

/** Fibers by key, and what is known of their bodies. */
class Fibers {
  readonly #effect: EffectModule;
  readonly #scope: unknown;
  readonly #map: unknown;
  readonly #run: Run;
  readonly #done: Map<string, Promise<void>> = new Map();

  private constructor(effect: EffectModule, scope: unknown, map: unknown, run: Run) {
    this.#effect = effect;
    this.#scope = scope;
    this.#map = map;
    this.#run = run;
  }

  static async make(): Promise<Fibers> {
    const effect = await load();
    const { Effect, FiberMap, Scope } = effect;
    const scope = Scope.makeUnsafe();
    const map = await Effect.runPromise<unknown>(Effect.provideService(FiberMap.make(), Scope.Scope, scope));
    const run = await Effect.runPromise<Run>(FiberMap.runtime(map)());
    return new Fibers(effect, scope, map, run);
  }

  start(key: string): Promise<void> {
    return new Promise((isReady) => {
      this.#run(
        key,
        this.#effect.Effect.promise((signal) => {
          const done = body(signal, isReady);
          this.#done.set(key, done);
          return done;
        }),
      );
    });
  }

  async stop(key: string): Promise<void> {
    await this.#effect.Effect.runPromise(this.#effect.FiberMap.remove(this.#map, key));
    await this.#done.get(key);
    this.#done.delete(key);
  }

  async stopAll(): Promise<void> {
    await this.#effect.Effect.runPromise(this.#effect.Scope.close(this.#scope, this.#effect.Exit.void));
    await Promise.all(this.#done.values());
    this.#done.clear();
  }
}

async function body(signal: AbortSignal, isReady: () => void): Promise<void> {
  const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  isReady();
  await stopped;
}

async function mass(size: number): Promise<Measures> {
  const fibers = await Fibers.make();
  await collectGarbage();
  const startUs = await timeUs(size, () => Promise.all(makeKeys(size).map((key) => fibers.start(key))));
  await collectGarbage();
  return { startUs, stopUs: await timeUs(size, () => fibers.stopAll()) };
}

async function single(size: number): Promise<Measures> {
  const fibers = await Fibers.make();
  await collectGarbage();
  const startUs = await timeUs(size, async () => {
    for (let i = 0; i < size; i++) await fibers.start(`key-${i}`);
  });
  await collectGarbage();
  const stopUs = await timeUs(size, async () => {
    for (let i = 0; i < size; i++) await fibers.stop(`key-${i}`);
  });
  return { startUs, stopUs };
}

/** A FiberMap of effect. */
export const subject: Subject = { mass, single };
