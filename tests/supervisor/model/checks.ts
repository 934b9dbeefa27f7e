import { assert, assertEquals } from "@std/assert";
import type { SupervisorEvent } from "@pact/supervisor";

type Event = SupervisorEvent<string>;
type Life = "none" | "starting" | "running" | "stuck";

/** Policy of every supervisor of the model: no jitter, so that delays can be foretold. */
export const policy = { minDelayMs: 1_000, maxDelayMs: 8_000, factor: 2, jitter: 0, resetAfterMs: 20_000, limit: 4 };

/** Follows the events of one key against their documented order and the restart rule, written down a second time. */
export class KeyJournal {
  #life: Life = "none";
  #failures = 0;
  #answer: "due" | "none" = "none";
  #isAnswer = false;
  /** Whether something allowed the process to be stopped. */
  #mayStop = false;
  #version: number | undefined;
  #isEnding = false;
  #isParked = false;
  #unparkedBy: "call" | "change" | undefined;
  #retryAt = 0;

  constructor(readonly key: string) {}

  get isParked(): boolean {
    return this.#isParked;
  }

  /** Somebody called for a stop. */
  allowStop(): void {
    this.#mayStop = true;
  }

  get hasLife(): boolean {
    return this.#life !== "none";
  }

  /** A start that was only planned was called off by hand: what went before does not count. */
  calledOff(): void {
    this.#failures = 0;
    this.#isParked = false;
    this.#retryAt = 0;
  }

  /** The run is about to end: everything may be stopped until it is over. */
  allowStops(): void {
    this.#isEnding = true;
    this.#mayStop = true;
  }

  /** The run is over: what went before does not count in the next one. */
  forget(): void {
    this.#isEnding = false;
    this.#failures = 0;
    this.#answer = "none";
    this.#isParked = false;
    this.#retryAt = 0;
  }

  /** @param version The version that was built last. */
  see(event: Event, version: number | undefined): void {
    const where = `${this.key}: ${event.type} while ${this.#life}`;
    this.#isAnswer = this.#answer === "due";
    if (this.#answer === "due") {
      this.#answer = "none";
      const isAnswer = event.type === "retrying" || event.type === "parked";
      // A start-up that was given up need not wait for a retry when its entry has changed before it ended.
      const isChanged = event.type === "starting" && version !== this.#version;
      assert(isAnswer || isChanged || this.#mayStop, `unanswered exit, ${where}`);
    }
    switch (event.type) {
      case "starting":
        assertEquals(this.#life, "none", where);
        if (version !== this.#version) this.#failures = 0;
        else this.#checkPatience(event, where);
        this.#version = version;
        this.#isParked = false;
        this.#retryAt = 0;
        if (this.#isEnding) this.#failures = event.attempt - 1;
        assertEquals(event.attempt, this.#failures + 1, `attempt, ${where}`);
        this.#life = "starting";
        this.#mayStop = this.#isEnding;
        break;
      case "running":
        assertEquals(this.#life, "starting", where);
        this.#life = "running";
        break;
      case "stuck":
        assert(this.#life === "starting" || this.#life === "running", where);
        this.#life = "stuck";
        break;
      case "unstuck":
        assertEquals(this.#life, "stuck", where);
        break;
      case "exited":
        this.#exited(event, where);
        break;
      case "entry-failed":
        this.#life = "none";
        this.#exit(0);
        break;
      case "replaced":
        assert(this.#life === "starting" || this.#life === "running", where);
        this.#failures = 0;
        this.#mayStop = true;
        break;
      case "removed":
        this.#mayStop = true;
        this.#failures = 0;
        this.#isParked = false;
        this.#retryAt = 0;
        break;
      case "retrying":
        this.#retrying(event, where);
        break;
      case "parked":
        assertEquals(event.failures, policy.limit, where);
        this.#unparkedBy = undefined;
        this.#isParked = true;
        break;
      case "unparked":
        assert(this.#isParked, where);
        this.#unparkedBy = event.cause;
        this.#failures = 0;
        break;
    }
  }

  /** The same version is not started again before its time, nor while it is parked, unless somebody calls for it. */
  #checkPatience(event: Extract<Event, { type: "starting" }>, where: string): void {
    if (this.#isParked) assertEquals(this.#unparkedBy, "call", `a parked key starts, ${where}`);
    if (event.cause !== "call") assert(event.at >= this.#retryAt, `too early, ${where}`);
  }

  #exited(event: Extract<Event, { type: "exited" }>, where: string): void {
    assert(this.#life !== "none", where);
    if (event.outcome === "stopped") assert(this.#mayStop, `stopped without a reason, ${where}`);
    if (event.phase === "starting") assertEquals(event.uptimeMs, 0, where);
    assertEquals("error" in event, event.outcome === "failed", where);
    this.#life = "none";
    this.#exit(event.uptimeMs);
  }

  #exit(uptimeMs: number): void {
    if (this.#mayStop && !this.#isEnding) {
      this.#failures = 0;
      return;
    }
    if (!this.#isEnding) this.#answer = "due"; // whether the end or the exit was first cannot be told from here
    this.#failures = (uptimeMs >= policy.resetAfterMs ? 0 : this.#failures) + 1;
  }

  #retrying(event: Extract<Event, { type: "retrying" }>, where: string): void {
    const { minDelayMs, factor, maxDelayMs } = policy;
    if (event.failures > 0 && !this.#isEnding) assertEquals(event.failures, this.#failures, where);
    const delayMs = Math.min(minDelayMs * factor ** (Math.max(1, event.failures) - 1), maxDelayMs);
    // A table that fails again and again puts a restart off further and further.
    if (this.#isAnswer) assertEquals(event.delayMs, delayMs, where);
    else assert(event.delayMs >= delayMs && event.delayMs <= maxDelayMs, where);
    assertEquals(event.retryAt, event.at + event.delayMs, where);
    this.#retryAt = event.retryAt;
  }
}

/** What could be reported as an error, of any kind of event. */
export function errorOf(event: Event): unknown {
  return event.type === "exited" || event.type === "entry-failed" || event.type === "table-failed"
    ? event.error
    : undefined;
}
