/**
 * What must hold at every moment, and when the faults have stopped.
 *
 * @module
 */

import { slotOf } from "@pact/supervisor/cluster";
import type { Trouble } from "@pact/supervisor";
import type { Claim } from "@pact/supervisor/kv";
import { type Life, type Registry, sessionOf } from "./bot.ts";
import { type Instance, measures } from "./instance.ts";

/** For how long a pause may not be known where a process is about to start, in ms. */
const patienceMs = 4 * measures.ttlMs;

/** How many abandoned lives of a key may go on in an instance. */
const mostAbandoned = 3;

/** How often what was parked before may be tried under one claim: a slot may be handed over, and wanted here again after all. */
const maxTries = 4;

/** A promise that was broken. */
export class Violation extends Error {
  override readonly name = "Violation";
}

/** What is checked of all instances together. */
export class Checks implements Registry {
  readonly lives: Set<Life> = new Set();
  readonly #instances: ReadonlyMap<string, Instance>;
  /** Whether clocks are so that a session must know first when it is over. */
  readonly #areClocksSound: boolean;
  /** The highest token under which each key was written. */
  readonly #tokens: Map<string, string> = new Map();
  /** Sessions that are over, whose they were, and since when. */
  readonly #fenced: Map<string, { readonly instance: Instance; readonly atMs: number }> = new Map();
  /** The newest commit of its own record that each session is known to have known, and the highest nonce that it has written. */
  readonly #beats: Map<string, { readonly last: string; readonly nonce: number }> = new Map();
  readonly #handedOverMs: Map<number, number> = new Map();
  readonly #changedMs: Map<string, number> = new Map();
  /** Sessions whose record stands in the database. */
  readonly sessions: Map<string, string> = new Map();
  /** What their records say of what they can be given. */
  readonly told: Map<string, string> = new Map();
  /** The sessions that the claims name which stand in the database, by slot. */
  readonly owners: Map<number, string> = new Map();
  /** The commits of the tokens that stand in the database, by slot and session. */
  readonly claims: Map<string, string> = new Map();
  /** The commits of the entries that stand in the database, by key. */
  readonly versions: Map<string, string> = new Map();
  /** The keys that are paused, and since when, in ms. */
  readonly pausedSinceMs: Map<string, number> = new Map();
  /** Which version of a key is parked, as the table has been told. */
  readonly #parked: Map<string, string | undefined> = new Map();
  /** The same when a claim was taken, by its slot and session, and how many tries there have been since. */
  readonly #parkedWhenClaimed: Map<string, string | undefined> = new Map();
  readonly #tries: Map<string, number> = new Map();
  /** Until when instances may not have noticed that the database was set back. */
  #unnoticedUntilMs = -Infinity;
  #nowMs = 0;
  /** How many lives were abandoned. */
  abandons = 0;
  /** The first thing that was found. */
  violation: Violation | undefined = undefined;

  constructor(instances: ReadonlyMap<string, Instance>, areClocksSound: boolean) {
    this.#instances = instances;
    this.#areClocksSound = areClocksSound;
  }

  begin(life: Life): void {
    if (this.#livesOf(life.key, life.instance).some(({ isAbandoned }) => !isAbandoned)) {
      this.fail(`${life.key} starts in ${life.instance}, where an earlier life of it goes on`);
    }
    this.lives.add(life);
    const pausedSinceMs = this.pausedSinceMs.get(life.key) ?? Infinity;
    if (this.#areClocksSound && this.#nowMs - pausedSinceMs > patienceMs) {
      this.fail(`${life.key} starts in ${life.instance}, and has been paused since ${Math.round(pausedSinceMs)} ms`);
    }
  }

  /** What is sent has the check of the claim, which the database may accept for a while longer: only the handle knows better. */
  sent({ key, instance, claim, isAbandoned }: Life): void {
    if (isAbandoned) this.fail(`a write of ${key} in ${instance} was sent after its life was abandoned`);
    if (claim.signal.aborted) this.fail(`a write of ${key} in ${instance} was sent after its claim was lost`);
  }

  rejected({ key, instance, isAbandoned }: Life, error: unknown): void {
    if (!isAbandoned && error instanceof Error && error.name === "ClaimLostError") {
      this.fail(`a write of ${key} in ${instance} was rejected, which was not abandoned: ${error.message}`);
    }
  }

  /** A life was let go of: it has no part in its slot any more. */
  abandoned(key: string, instance: string): void {
    const lives = this.#livesOf(key, instance);
    const life = lives.find(({ isAbandoned }) => !isAbandoned);
    if (!life) return;
    this.abandons++;
    life.isAbandoned = true;
    if (!life.claim.signal.aborted) this.fail(`${key} was abandoned in ${instance}, and its claim has not aborted`);
    if (lives.length > mostAbandoned) this.fail(`${lives.length} abandoned lives of ${key} go on in ${instance}`);
  }

  #livesOf(key: string, instance: string): Life[] {
    return [...this.lives].filter((life) => life.key === key && life.instance === instance);
  }

  /** The process that always fails has been started: where it was parked before, once, and once more for each change of mind. */
  tried(key: string, instance: string, claim: Claim): void {
    const name = `${slotOf(key, measures.slots)} ${sessionOf(claim)}`;
    const parked = this.#parkedWhenClaimed.get(name);
    if (parked === undefined || parked !== this.versions.get(key)) return;
    const tries = (this.#tries.get(name) ?? 0) + 1;
    this.#tries.set(name, tries);
    if (tries > maxTries) this.fail(`${key} was parked when ${instance} took it, and has been tried ${tries} times`);
  }

  /** What is wrong with a key has been written. */
  reported(key: string, version: string, trouble: Trouble): void {
    if (this.#nowMs <= this.#unnoticedUntilMs) return;
    const { session, state, endedAt } = trouble;
    if (!this.claims.has(`${slotOf(key, measures.slots)} ${session}`)) {
      this.fail(`what is wrong with ${key} was written by session ${session}, which does not own it`);
    }
    const current = this.versions.get(key);
    if (version !== current) this.fail(`what is wrong with ${key} was written of ${version}, and it is ${current}`);
    this.#parked.set(key, state === "parked" && endedAt === undefined ? version : undefined);
  }

  /**
   * A session writes its record over that of an earlier commit. One that has known a newer commit has seen by then that the
   * database was set back, and gives up; what it had sent before, and lands late, has a lower nonce.
   */
  beaten(session: string, nonce: number, last: string | null | undefined): void {
    const known = this.#beats.get(session) ?? { last: "", nonce: -1 };
    if (nonce > known.nonce && typeof last === "string" && last < known.last) {
      this.fail(`session ${session} goes on from its beat of ${last}, and has known one of ${known.last}`);
    }
    const newest = typeof last === "string" && last > known.last ? last : known.last;
    this.#beats.set(session, { last: newest, nonce: Math.max(nonce, known.nonce) });
  }

  /**
   * A claim is about to stand in the place of another one. The database itself must have kept it out if a session of the owner
   * was there, or none of the taker: what the taker has read before may be out of date.
   *
   * @param checked The commits of sessions that were checked, `null` where none may be.
   */
  taken(slot: number, session: string, checked: ReadonlyMap<string, string | null>): void {
    const owner = this.owners.get(slot) ?? session;
    if (owner !== session && checked.get(owner) !== null) {
      this.fail(
        `slot ${slot} was taken by session ${session} without a check that its owner, ${owner}, has no session`,
      );
    }
    if (typeof checked.get(session) !== "string") {
      this.fail(`slot ${slot} was taken by session ${session} without a check that its record stands`);
    }
  }

  /** A claim was taken. */
  claimed(name: string): void {
    this.#tries.delete(name);
    const slot = Number(name.split(" ")[0]);
    for (const [key, version] of this.#parked) {
      if (slotOf(key, measures.slots) === slot) this.#parkedWhenClaimed.set(name, version);
    }
  }

  /** What ran on a machine that is dead does not run any more. */
  killed(name: string): void {
    for (const life of this.lives) if (life.instance === name) this.lives.delete(life);
  }

  end(life: Life): void {
    this.lives.delete(life);
  }

  /**
   * The database was set back, and what stands there now is told next. What was changed plainly before may still be unnoticed: an
   * instance that has read nothing of the history that is gone does not look at everything again.
   */
  setBack(): void {
    for (const known of [this.#tokens, this.sessions, this.told, this.owners, this.claims]) known.clear();
    for (const known of [this.#parked, this.#parkedWhenClaimed, this.#tries]) known.clear();
  }

  /** Until a moment an instance may run what it owned in the history that is gone. */
  toleratesUntil(atMs: number): void {
    this.#unnoticedUntilMs = atMs;
  }

  /** Something has landed that others must hear of, and the bell was not rung with it. */
  unrung(what: string): void {
    // A beat may be taken for the next one after another of the same number, which is lost.
    if (this.#nowMs > this.#unnoticedUntilMs) this.fail(`${what}, and the bell was not rung with it`);
  }

  /** A write with a claim has landed. */
  landed(key: string, session: string, token: string): void {
    const highest = this.#tokens.get(key) ?? "";
    if (token < highest) this.fail(`a write of ${key} under token ${token} landed after one under ${highest}`);
    if (this.claims.get(`${slotOf(key, measures.slots)} ${session}`) !== token) {
      this.fail(`a write of ${key} under token ${token} landed, which is not the token of its slot any more`);
    }
    this.#tokens.set(key, token);
  }

  /** An instance has given its session up. */
  fenced(instance: Instance, session: string, silentMs: number, atMs: number): void {
    this.#fenced.set(session, { instance, atMs });
    const wasStopped = instance.machine.stops.some(({ untilMs }) => untilMs > atMs - 2 * measures.ttlMs);
    if (this.#areClocksSound && !wasStopped && silentMs > measures.ttlMs * 2 / 3 + measures.heartbeatMs / 10) {
      this.fail(`${instance.name} has fenced session ${session} after ${silentMs} ms, which is too late`);
    }
    if (silentMs < measures.ttlMs * 2 / 3 && this.sessions.has(session)) {
      this.fail(`${instance.name} has fenced session ${session}, which stands in the database, after ${silentMs} ms`);
    }
  }

  /**
   * When an instance has had time to delete what it has fenced: a record that stands would keep slots from others. It has to
   * stand as long as something still runs on its behalf.
   *
   * @param beforeMs Only sessions count that were fenced before this moment, of instances that the database answers since then.
   */
  retired(beforeMs: number): void {
    const busy = new Set<string>();
    for (const { instance, claim, isAbandoned } of this.lives) {
      if (!isAbandoned && this.#instances.get(instance)!.voidTokens.has(`${sessionOf(claim)} ${claim.token}`)) {
        busy.add(instance);
      }
    }
    for (const [session, { instance: { name, machine, isAwake, hasEnded }, atMs }] of this.#fenced) {
      if (!isAwake || hasEnded || busy.has(name) || atMs > beforeMs) continue;
      if (machine.answeredMs === undefined || machine.answeredMs > beforeMs) continue;
      if (this.sessions.has(session)) this.fail(`session ${session} stands in the database, which ${name} has fenced`);
    }
  }

  /** Before time moves on. */
  momentEnds(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.violation) return;
    const running = new Map<string, Life>();
    const valid = new Map<string, Life>();
    for (const life of this.lives) {
      const instance = this.#instances.get(life.instance)!;
      if (!instance.isAwake || life.isAbandoned) continue;
      const { claim, signal } = life;
      const isVoid = instance.voidTokens.has(`${sessionOf(claim)} ${claim.token}`);
      if ((isVoid || claim.signal.aborted) && !signal.aborted) {
        this.fail(`${life.key} runs in ${life.instance}, which has given its claim up`);
      }
      if (isVoid) continue; // it was told to end, and may take a moment
      if (!signal.aborted && this.#isCurrent(life)) this.#alone(valid, life, "has a valid claim");
      if (life.isSlow && signal.aborted) continue; // it was told, and executes on: its writes are refused
      if (this.#areClocksSound && nowMs > this.#unnoticedUntilMs) this.#alone(running, life, "runs");
    }
  }

  #alone(others: Map<string, Life>, life: Life, does: string): void {
    const other = others.get(life.key);
    if (other) this.fail(`${life.key} ${does} in ${other.instance} and in ${life.instance}`);
    others.set(life.key, life);
  }

  #isCurrent({ slot, claim }: Life): boolean {
    return this.claims.get(`${slot} ${sessionOf(claim)}`) === claim.token;
  }

  /** A slot is, or was, handed over: until a session takes it, its processes run nowhere. */
  handedOver(slot: number, atMs: number): void {
    this.#handedOverMs.set(slot, atMs);
  }

  /** An entry was written or deleted, and nothing announces it. */
  changedPlainly(key: string, atMs: number): void {
    this.#changedMs.set(key, atMs);
  }

  /**
   * When there have been no faults for long enough: every entry runs in exactly one instance, as it is, and nothing else runs. An entry
   * whose slot has been handed over since a moment may be on its way, and one that was changed plainly may not be noticed.
   */
  converged(
    specs: ReadonlyMap<string, number>,
    { handedOverSinceMs = Infinity, changedSinceMs = Infinity } = {},
  ): void {
    if (this.violation) return;
    const isUnnoticed = (key: string) => (this.#changedMs.get(key) ?? -Infinity) > changedSinceMs;
    const running = new Map<string, string[]>();
    for (const { key, spec, instance, signal } of this.lives) {
      if (this.#instances.get(instance)!.machine.isDead || signal.aborted) continue;
      running.set(key, [...running.get(key) ?? [], instance]);
      const wanted = specs.get(key) ?? spec;
      if (spec !== wanted && !isUnnoticed(key)) {
        this.fail(`${key} runs with ${spec} in ${instance}, not with ${wanted}`);
      }
    }
    for (const key of specs.keys()) {
      const where = running.get(key) ?? [];
      if (this.pausedSinceMs.has(key)) {
        if (where.length > 0) this.fail(`${key} runs in [${where}] and is paused`);
        continue;
      }
      const handedOverMs = this.#handedOverMs.get(slotOf(key, measures.slots)) ?? -Infinity;
      if (where.length === 0 && (handedOverMs > handedOverSinceMs || isUnnoticed(key))) continue;
      if (where.length !== 1) this.fail(`${key} runs in [${where}] when it should run in one instance`);
    }
    for (const [key, where] of running) {
      if (!specs.has(key) && !isUnnoticed(key)) this.fail(`${key} runs in ${where} without an entry`);
    }
  }

  fail(what: string): void {
    this.violation ??= new Violation(what);
  }
}
