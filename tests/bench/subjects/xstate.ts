/**
 * Actors of `npm:xstate` made from promises, in a Map.
 *
 * @module
 */

import { collectGarbage, makeKeys, timeUs } from "./gauge.ts";
import { type Measures, NotInstalledError, type Subject } from "./subject.ts";

interface Actor {
  start(): void;
  stop(): void;
}

/** What is used of the package; its own types would have to be installed for everybody who checks types. */
interface XstateModule {
  fromPromise(run: (given: { signal: AbortSignal; input: Input }) => Promise<void>): unknown;
  createActor(logic: unknown, options: { input: Input }): Actor;
}

interface Input {
  readonly isReady: () => void;
  readonly isDone: () => void;
}

async function load(): Promise<XstateModule> {
  const name: string = "xstate"; // as a variable, it is not looked for before it is needed
  try {
    return await import(name);
  } catch (error) {
    throw new NotInstalledError(`npm:xstate cannot be loaded: ${error instanceof Error ? error.message : error}`);
  }
}

class Actors {
  readonly #xstate: XstateModule;
  readonly #logic: unknown;
  readonly #actors: Map<string, { actor: Actor; done: Promise<void> }> = new Map();

  private constructor(xstate: XstateModule) {
    this.#xstate = xstate;
    this.#logic = xstate.fromPromise(({ signal, input }) => body(signal, input));
  }

  static async make(): Promise<Actors> {
    return new Actors(await load());
  }

  start(key: string): Promise<void> {
    return new Promise((isReady) => {
      let isDone!: () => void;
      const done = new Promise<void>((resolve) => isDone = resolve);
      const actor = this.#xstate.createActor(this.#logic, { input: { isReady, isDone } });
      this.#actors.set(key, { actor, done });
      actor.start();
    });
  }

  async stop(key: string): Promise<void> {
    const { actor, done } = this.#actors.get(key)!;
    actor.stop();
    await done;
    this.#actors.delete(key);
  }

  async stopAll(): Promise<void> {
    for (const { actor } of this.#actors.values()) actor.stop();
    await Promise.all(Array.from(this.#actors.values(), ({ done }) => done));
    this.#actors.clear();
  }
}

async function body(signal: AbortSignal, { isReady, isDone }: Input): Promise<void> {
  const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  isReady();
  await stopped;
  isDone();
}

async function mass(size: number): Promise<Measures> {
  const actors = await Actors.make();
  await collectGarbage();
  const startUs = await timeUs(size, () => Promise.all(makeKeys(size).map((key) => actors.start(key))));
  await collectGarbage();
  return { startUs, stopUs: await timeUs(size, () => actors.stopAll()) };
}

async function single(size: number): Promise<Measures> {
  const actors = await Actors.make();
  await collectGarbage();
  const startUs = await timeUs(size, async () => {
    for (let i = 0; i < size; i++) await actors.start(`key-${i}`);
  });
  await collectGarbage();
  const stopUs = await timeUs(size, async () => {
    for (let i = 0; i < size; i++) await actors.stop(`key-${i}`);
  });
  return { startUs, stopUs };
}

/** Promise actors of xstate. */
export const subject: Subject = { mass, single };
