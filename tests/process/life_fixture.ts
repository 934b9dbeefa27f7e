import type { RunCallback, Runnable } from "@pact/supervisor";
import { Life } from "../../src/process/life.ts";
import { settle } from "../supervisor/fixtures/mod.ts";

/** What a test has a life run. */
export type Run = (running: RunCallback, signal: AbortSignal) => unknown;

/** A life that writes down what it is told. */
export class ToldLife extends Life<Runnable> {
  readonly told: string[] = [];
  readonly #run: Run;

  constructor(run: Run) {
    super();
    this.#run = run;
  }

  begin(): void {
    this.beginRun({ run: (running, { signal }) => this.#run(running, signal) as Promise<void> });
  }

  protected override makeAlive(): undefined {}

  protected override lifeIsUp(): void {
    this.told.push(`up ${this.state}`);
  }

  protected override lifeIsLeaving(): void {}

  protected override lifeEnded(): void {
    this.told.push(`${this.outcome} ${this.state}${this.error === undefined ? "" : ` ${this.error}`}`);
  }
}

/** A life whose run a test writes, and what it was told. */
export function lifeOf(run: Run): { life: ToldLife; told: string[] } {
  const life = new ToldLife(run);
  return { life, told: life.told };
}

/** Begins a life and lets happen what needs no time. */
export async function begin(life: ToldLife): Promise<void> {
  life.begin();
  await settle();
}
