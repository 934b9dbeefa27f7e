import { assert, assertEquals } from "@std/assert";
import {
  type RestartOptions,
  RetryAfterError,
  type SupervisorEvent,
  type Trouble,
  UnrecoverableError,
} from "@pact/supervisor";
import { type Behaviour, livenessMs, optionsOf } from "./sim_process.ts";

type Event = SupervisorEvent<string>;
type Life = "none" | "starting" | "running" | "stuck";
/** What follows a failure beside the policy. */
type Saying = "park" | "unrecoverable" | number | undefined;

/** Policy of every supervisor of the model: no jitter, so that delays can be foretold. */
const policy: Policy = { minDelayMs: 1_000, maxDelayMs: 8_000, factor: 2, jitter: 0, resetAfterMs: 20_000, limit: 4 };

/** What every supervisor of the model is told about restarts. */
export const restart: RestartOptions = {
  ...policy,
  decide: ({ error }) => (error as Error | undefined)?.cause as "park" | number | undefined,
};

type Policy = Required<Omit<RestartOptions, "decide" | "on">>;

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
  #isAbandonedByCall = false;
  #isParked = false;
  #unparkedBy: "call" | "change" | undefined;
  #isPaused = false;
  #wasParked = false;
  /** Whether it was resumed by itself since its last start: what was known of it may be forgotten. */
  #isForgivable = false;
  /** Whether it was stopped: its next life may go on from what the table remembers. */
  #isHandedBack = false;
  /** How many failures there were at the last of them: a table that was broken may not know of it. */
  #lastFailures = 0;
  /** Whether the failures before are not known here: the table has remembered them, or was told to forget them. */
  #isUnknown = false;
  /** Whether it was parked when the last run ended, and in which version: then one more failure parks it. */
  #parkedVersion: number | undefined;
  /** The version that was parked last and has not been up for long since: a start by call does not have the table forget it. */
  #toldVersion: number | undefined;
  #retryAt = 0;
  #startingAt = 0;
  /** When its starts began: too many within 10 s are slowed. */
  readonly #starts: number[] = [];
  /** What the last failure said itself. */
  #saying: Saying = undefined;

  /** Knows how the entry of each version behaves, and what the table remembers of one. */
  constructor(
    readonly key: string,
    readonly behaviours: ReadonlyMap<number, Behaviour>,
    readonly remembered: (version: number | undefined) => Trouble | undefined,
  ) {}

  get #behaviour(): Behaviour {
    return this.behaviours.get(this.#version!) ?? "ok";
  }

  get #policy(): Policy {
    return { ...policy, ...optionsOf[this.#behaviour]?.restart };
  }

  get isParked(): boolean {
    return this.#isParked;
  }

  /** It was abandoned by a call. */
  abandonedByCall(): void {
    this.#isAbandonedByCall = true;
  }

  /** The key was resumed by itself, whether or not that is seen. */
  resumed(): void {
    this.#isForgivable = true;
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
    this.#isUnknown = true;
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
    const isTold = this.#toldVersion !== undefined && this.#toldVersion === this.#version;
    const isRemembered = isTold && this.remembered(this.#version)?.state === "parked";
    if (this.#isParked || isRemembered) this.#parkedVersion = this.#version;
    if (this.#isForgivable) this.#forgetParked();
    this.#isUnknown = true;
    this.#isPaused = false;
    this.#failures = 0;
    this.#answer = "none";
    this.#isParked = false;
    this.#retryAt = 0;
  }

  /** @param version The version that was built last. */
  see(event: Event, version: number | undefined): void {
    const where = `${this.key}: ${event.type} while ${this.#life}`;
    if (event.type === "abandoned-ended") return; // of a life that does not concern the key any more
    this.#isAnswer = this.#answer === "due";
    if (this.#answer === "due") {
      this.#answer = "none";
      const isAnswer = event.type === "retrying" || event.type === "parked";
      // What was given up need not wait for a retry when its entry has changed before it ended, or it was called for.
      const isNext = event.type === "starting" && (version !== this.#version || event.cause === "call");
      assert(isAnswer || isNext || this.#mayStop, `unanswered exit, ${where}`);
      if (isNext) this.#failures = 0;
    }
    switch (event.type) {
      case "starting":
        assertEquals([this.#life, this.#isPaused], ["none", false], where);
        if (version !== this.#version) this.#parkedVersion = undefined;
        if (event.cause === "call") this.#parkedVersion = undefined;
        if (this.#isHandedBack) this.#goOn(event, version);
        if (this.#isUnknown) this.#failures = event.attempt - 1;
        else if (version !== this.#version) this.#failures = 0;
        else this.#checkPatience(event, where);
        this.#version = version;
        this.#isParked =
          this.#isUnknown =
          this.#isForgivable =
          this.#isHandedBack =
            false;
        this.#retryAt = 0;
        if (this.#isEnding) this.#failures = event.attempt - 1;
        assertEquals(event.attempt, this.#failures + 1, `attempt, ${where}`);
        this.#life = "starting";
        this.#startingAt = event.at;
        this.#starts.push(event.at);
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
      case "abandoned":
        assertEquals(this.#life, "stuck", where);
        assert(this.#isAbandonedByCall || optionsOf[this.#behaviour]?.onStuck === "abandon", where);
        this.#isAbandonedByCall = false;
        this.#exited(event, where);
        break;
      case "entry-failed":
        this.#life = "none";
        this.#exit(0, undefined);
        break;
      case "replaced":
        assert(this.#life === "starting" || this.#life === "running", where);
        this.#failures = 0;
        this.#mayStop = true;
        break;
      case "removed":
        this.#mayStop = true;
        this.#isPaused = false;
        this.#isUnknown = true;
        this.#forgetParked();
        this.#failures = 0;
        this.#isParked = false;
        this.#retryAt = 0;
        break;
      case "retrying":
        this.#retrying(event, where);
        break;
      case "parked":
        this.#parked(event, where);
        this.#unparkedBy = undefined;
        this.#isParked = true;
        this.#toldVersion = this.#version;
        break;
      case "paused":
        this.#isPaused = this.#mayStop = true;
        this.#wasParked = this.#isParked;
        this.#isParked = false;
        this.#retryAt = 0;
        break;
      case "resumed":
        this.#isPaused = false; // what is stuck may have been so since an earlier run
        this.#isParked = this.#wasParked && !this.#isForgivable;
        this.#isUnknown = !this.#isParked;
        this.#wasParked = false;
        if (this.#isForgivable) this.#forgetParked();
        break;
      case "unparked":
        assert(this.#isParked, where);
        this.#unparkedBy = event.cause;
        this.#failures = 0;
        break;
    }
  }

  #forgetParked(): void {
    this.#parkedVersion = this.#toldVersion = undefined;
  }

  /** What was stopped begins afresh if that was called for, and else goes on from what the table remembers. */
  #goOn({ attempt, cause }: Extract<Event, { type: "starting" }>, version: number | undefined): void {
    const trouble = this.remembered(version), failures = attempt - 1;
    const isLeft = version === this.#version && failures === this.#lastFailures;
    if (failures !== trouble?.failures && !isLeft) return;
    this.#failures = failures;
    const isParked = trouble?.state === "parked" || (isLeft && this.#toldVersion === version);
    if (isParked && cause !== "call") this.#parkedVersion = version;
  }

  /** The same version is not started again before its time, nor while it is parked, unless somebody calls for it. */
  #checkPatience(event: Extract<Event, { type: "starting" }>, where: string): void {
    if (this.#isParked) assertEquals(this.#unparkedBy, "call", `a parked key starts, ${where}`);
    if (event.cause !== "call") assert(event.at >= this.#retryAt, `too early, ${where}`);
  }

  #exited(event: Extract<Event, { type: "exited" | "abandoned" }>, where: string): void {
    assert(this.#life !== "none", where);
    this.#checkLimits(event, where);
    if (event.outcome === "stopped") assert(this.#mayStop, `stopped without a reason, ${where}`);
    if (event.phase === "starting") assertEquals(event.uptimeMs, 0, where);
    assertEquals("error" in event, event.outcome === "failed", where);
    this.#life = "none";
    this.#exit(event.uptimeMs, event.error);
  }

  /** Only what may not be silent fails because it is, and no start-up is given up before its time. */
  #checkLimits(event: Extract<Event, { type: "exited" | "abandoned" }>, where: string): void {
    const { name } = (event.error ?? {}) as { name?: string };
    const lastedMs = event.at - this.#startingAt;
    if (name === "TimeoutError") assert(lastedMs >= 60_000, `given up after ${lastedMs} ms, ${where}`);
    if (name !== "ProcessSilentError") return;
    assert(this.#behaviour.startsWith("silent"), `${this.#behaviour} is said to be silent, ${where}`);
    assert(event.phase === "running" && lastedMs >= livenessMs, `silent too early, ${where}`);
  }

  #exit(uptimeMs: number, error: unknown): void {
    this.#saying = sayingOf(error);
    if (uptimeMs >= policy.resetAfterMs) this.#forgetParked();
    if (this.#mayStop && !this.#isEnding) {
      this.#failures = 0;
      this.#isHandedBack = true;
      return;
    }
    if (!this.#isEnding) this.#answer = "due"; // whether the end or the exit was first cannot be told from here
    const isNoStep = (error as Error | undefined)?.cause instanceof RetryAfterError;
    this.#failures = (uptimeMs >= policy.resetAfterMs ? 0 : this.#failures) + (isNoStep ? 0 : 1);
    this.#lastFailures = this.#failures;
  }

  #parked(event: Extract<Event, { type: "parked" }>, where: string): void {
    const saying = this.#saying;
    if (this.#parkedVersion !== undefined) return; // whatever it has thrown
    if (event.cause === "limit") assertEquals(event.failures, this.#policy.limit, where);
    else assertEquals(event.cause, saying === "park" ? "decided" : saying, where);
    assert(event.cause !== "limit" || saying !== "unrecoverable", `parked for another reason, ${where}`);
  }

  #retrying(event: Extract<Event, { type: "retrying" }>, where: string): void {
    const { minDelayMs, factor, maxDelayMs, limit } = this.#policy;
    const recent = this.#starts.filter((at) => event.at - at <= 10_000).length;
    this.#retryAt = event.retryAt;
    assertEquals(event.retryAt, event.at + event.delayMs, where);
    if (this.#parkedVersion !== undefined && this.#isAnswer) {
      assert(this.#mayStop, `a parked key is tried again, ${where}`);
    }
    if (this.#isHandedBack && !this.#isAnswer) {
      const isRemembered = event.failures === this.remembered(this.#version)?.failures;
      if (isRemembered || event.failures === this.#lastFailures) return void (this.#failures = event.failures);
    }
    if (this.#isUnknown && !this.#isAnswer) {
      this.#failures = event.failures; // it goes on from there
      return;
    }
    if (event.cause === "brake") assert(recent >= 10, `braked after ${recent} starts, ${where}`);
    if (recent >= 10) return;
    if (this.#isEnding && typeof this.#saying === "number") return; // whether it is the answer cannot be told then
    if (!this.#isEnding && this.#isAnswer) {
      assert(event.failures < limit && typeof this.#saying !== "string", `not parked, ${where}`);
      if (typeof this.#saying === "number") return assertEquals(event.delayMs, this.#saying, where);
    }
    if (event.failures > 0 && !this.#isEnding) assertEquals(event.failures, this.#failures, where);
    const delayMs = Math.min(minDelayMs * factor ** (Math.max(1, event.failures) - 1), maxDelayMs);
    // A table that fails again and again puts a restart off further and further.
    if (this.#isAnswer) assertEquals(event.delayMs, delayMs, where);
    else assert(event.delayMs >= delayMs && event.delayMs <= maxDelayMs, where);
  }
}

/** What an error says itself, or has `restart.decide` say, of what follows. */
function sayingOf(error: unknown): Saying {
  if (error instanceof UnrecoverableError) return "unrecoverable";
  const { cause } = (error ?? {}) as { cause?: unknown };
  if (cause instanceof RetryAfterError) return cause.delayMs;
  return cause === "park" || typeof cause === "number" ? cause : undefined;
}

/** What could be reported as an error, of any kind of event. */
export function errorOf(event: Event): unknown {
  return event.type === "exited" || event.type === "entry-failed" || event.type === "table-failed" ||
      event.type === "abandoned" || event.type === "abandoned-ended"
    ? event.error
    : undefined;
}
