/**
 * The supervisor with one mistake in it each: what the model is there to find.
 *
 * @module
 */

import type { Change } from "../../changed_library.ts";

/** One mistake. */
export interface Mutant {
  readonly mistake: string;
  readonly changes: readonly Change[];
  /** A seed whose first histories find it, if those of seed 1 do not. */
  readonly foundAt?: number;
}

export const mutants: readonly Mutant[] = [
  {
    mistake: "counts silence while a process is starting",
    changes: [{
      file: "src/supervisor/attempt.ts",
      from: "else deadlines.set(this.#keeper, startTimeoutMs, this.#beganMs);",
      to: "else deadlines.set(this.#keeper, Math.min(startTimeoutMs, this.settings.livenessMs), this.#beganMs);",
    }],
  },
  {
    mistake: "does not hear that a process is alive",
    changes: [{
      file: "src/supervisor/pulse.ts",
      from: "else if (this.#isHeard) this.#isFirstOf(ticks);",
      to: "",
    }],
  },
  {
    mistake: "never fails what is silent",
    changes: [{
      file: "src/supervisor/attempt.ts",
      from: "if (this.settings.livenessMs !== Infinity) this.#hear();",
      to: "",
    }],
  },
  {
    mistake: "has the late end of an abandoned life count",
    changes: [{
      file: "src/supervisor/attempt.ts",
      from: "if (this.#isAbandoned) return this.#endAtLast();\n    this.#leave();\n    const stopMs",
      to: "this.#leave();\n    const stopMs",
    }],
  },
  {
    mistake: "abandons any number of lives of a key",
    changes: [{ file: "src/supervisor/abandoned.ts", from: "const mostPerKey = 3;", to: "const mostPerKey = 30;" }],
  },
  {
    mistake: "takes what a watchdog has failed for stopped",
    changes: [{
      file: "src/process/life.ts",
      from: "if (failure || this.#failure) return this.#failure;",
      to: "if (failure || this.#failure) return undefined;",
    }],
  },
  {
    mistake: "fails what is stopping",
    changes: [{
      file: "src/supervisor/attempt.ts",
      from: "if (!this.isWanted || this.isEnding) return;",
      to: "",
    }],
  },
  {
    mistake: "forgets the options of an entry",
    changes: [{
      file: "src/supervisor/attempt.ts",
      from: "if (options !== undefined) this.settings = settingsOf(options, this.#registry.settings);",
      to: "if (options !== undefined) settingsOf(options, this.#registry.settings);",
    }],
  },
  {
    mistake: "treats an exit as the supervisor says and not its entry",
    changes: [{
      file: "src/supervisor/keeper.ts",
      from: "this.failed.afterExit(attempt, endedAt, attempt.settings.restart)",
      to: "this.failed.afterExit(attempt, endedAt, this.registry.settings.restart)",
    }],
  },
  {
    mistake: "counts a RetryAfterError as a step",
    changes: [{
      file: "src/restart.ts",
      from: 'if (typeof asked === "number") return { action: "retry", failures: before, delayMs: asked };',
      to: 'if (typeof asked === "number") return { action: "retry", failures, delayMs: asked };',
    }],
  },
  {
    mistake: "retries what is unrecoverable",
    changes: [{
      file: "src/restart.ts",
      from: 'if (said?.name === "UnrecoverableError") return',
      to: "if (failures < 0) return",
    }],
  },
  {
    mistake: "does not do what decide says",
    changes: [{ file: "src/restart.ts", from: 'if (answer === "park") return', to: "if (failures < 0) return" }],
  },
  {
    mistake: "takes a step twice that another step enters",
    changes: [{
      file: "src/supervisor/run_context.ts",
      from: "for (let i = 0; i < length; i++) others[i]();",
      to: "for (let i = 0; i < others.length; i++) others[i]();",
    }],
  },
  {
    mistake: "starts in a pass what is paused",
    changes: [
      {
        file: "src/supervisor/answers.ts",
        from: "  if (isPaused(keeper, entry)) return false;\n  goOnFrom",
        to: "  goOnFrom",
      },
      { file: "src/supervisor/keeper.ts", from: "if (isPaused(this, entry)) return;", to: "" },
    ],
  },
  {
    mistake: "starts what became paused while it waited for its turn",
    changes: [{
      file: "src/supervisor/answers.ts",
      from: "  if (isPaused(keeper, entry)) return false;\n  keeper.isRemoved",
      to: '  if (keeper.phase !== "queued" && isPaused(keeper, entry)) return false;\n  keeper.isRemoved',
    }],
  },
  {
    mistake: "forgets in its next run that a key was parked",
    changes: [{
      file: "src/supervisor/backoff.ts",
      from: 'this.#parkedBefore = state === "parked" ?',
      to: 'this.#parkedBefore = state === "stuck" ?',
    }],
  },
  {
    mistake: "tries all that was parked when the whole table is resumed",
    changes: [{
      file: "src/supervisor/pausing.ts",
      from: "if (!this.#isOwn) return this.#before;",
      to: 'if (!this.#isOwn) return this.#before === "parked" ? undefined : this.#before;',
    }],
  },
  {
    mistake: "forgets at a stop what the table remembers",
    changes: [{
      file: "src/supervisor/keeper.ts",
      from: "    this.backoff?.leave();\n",
      to: "    this.backoff?.end(this.version);\n    this.backoff?.leave();\n",
    }],
  },
  {
    mistake: "keeps a key paused that is deleted while it stops",
    changes: [{
      file: "src/supervisor/answers.ts",
      from: "keeper.next = keeper.pausing = undefined;",
      to: "keeper.next = undefined;",
    }],
  },
];
