/**
 * What the tests of clusters share: a database, a clock that moves by hand, and instances of one program on both.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { chain, Supervisor } from "@pact/supervisor";
import { turn } from "../../src/clock.ts";
import {
  Cluster,
  type ClusterEvent,
  type ClusterOptions,
  describeClusterEvent,
  type OwnedTable,
} from "../../src/cluster/mod.ts";
import { Ledger } from "../../src/cluster/ledger.ts";
import { type Claim, KvTable } from "../../src/kv/mod.ts";
import { KvStore } from "../../src/kv/store.ts";
import { FaultyKv, type KvFault, type KvOperation, staleWatch } from "../../src/testing/mod.ts";
import { ManualClock } from "../kv/manual_clock.ts";
import { Bot, LiveCount, type Manners, UnhandledRejections, watch, type Watched } from "../supervisor/fixtures/mod.ts";

export const heartbeatMs = 1_000;
export const ttlMs = 3_000;
/** After how long without a beat a session fences itself. */
export const fenceMs = 2_000;
/** How long one call to the database may take. */
export const timeoutMs = 500;
/** How long a new session waits before its first look. */
export const settleMs = 100;
/** For how long a slot without an owner is left to the session that should own it. */
export const graceMs = 1_000;

/** A clock that moves by hand, and can be stalled as an event loop is: time has passed, and no timer has fired yet. */
export class TestClock extends ManualClock {
  stalledMs = 0;
  /** How far the wall clock was set. */
  jumpMs = 0;

  override now(): number {
    return super.now() + this.jumpMs;
  }

  override monotonic(): number {
    return super.monotonic() + this.stalledMs;
  }
}

interface CallState {
  fault: KvFault | undefined;
  operations: readonly KvOperation[] | undefined;
  /** Whether watches tell of changes. */
  hears: boolean;
  /** How many calls the database has not answered yet. */
  unanswered: number;
}

/** One instance's handle on the database, with faults for as long as a test likes. */
export class TestKv extends FaultyKv {
  /** How many checks each atomic operation had. */
  readonly checks: number[] = [];
  /** The kind of records that each listing was of, such as "session" or "claim"; `undefined` for the entries of a table. */
  readonly listed: unknown[] = [];
  readonly #state: CallState;

  constructor(kv: Deno.Kv) {
    const state: CallState = { fault: undefined, operations: undefined, hears: false, unanswered: 0 };
    super(kv, {
      decide(operation) {
        // A reading waits for a change, which comes at a moment of its own: tests do without, but for those about it.
        if (operation === "watch") return state.hears ? undefined : staleWatch();
        const isBroken = !state.operations || state.operations.includes(operation);
        return tracked(state, isBroken && state.fault ? state.fault : (call) => call());
      },
    });
    this.#state = state;
  }

  /** Lets watches tell of changes. */
  hear(): void {
    this.#state.hears = true;
  }

  /** Whether the database has answered every call, but for those of which a fault has made something else. */
  get isAnswered(): boolean {
    return this.#state.unanswered === 0;
  }

  override inject(operation: KvOperation, fault: KvFault, times = 1): void {
    super.inject(operation, tracked(this.#state, fault), times);
  }

  /** Makes a fault of every call from now on, or of these only; none when there is no fault. */
  break(fault?: KvFault, ...operations: KvOperation[]): void {
    this.#state.fault = fault;
    this.#state.operations = operations.length > 0 ? operations : undefined;
  }

  override list<T = unknown>(
    selector: Deno.KvListSelector,
    options?: Deno.KvListOptions,
  ): Deno.KvListIterator<T> {
    const first = "start" in selector ? selector.start : selector.prefix;
    this.listed.push(first[0] === "@pact/supervisor" ? first[2] : undefined);
    return super.list<T>(selector, options);
  }

  override atomic(): Deno.AtomicOperation {
    const atomic = super.atomic();
    const { check, commit } = atomic;
    let checks = 0;
    atomic.check = (...each) => {
      checks += each.length;
      check.apply(atomic, each);
      return atomic;
    };
    atomic.commit = () => {
      this.checks.push(checks);
      return commit();
    };
    return atomic;
  }

  override close(): void {
    // The database is shared.
  }
}

function tracked(state: CallState, fault: KvFault): KvFault {
  return (call, readings) =>
    fault(async () => {
      state.unanswered++;
      try {
        return await call();
      } finally {
        state.unanswered--;
      }
    }, readings);
}

/** More than anything here needs to come to rest. */
const maxRounds = 5_000;

const operations: readonly KvOperation[] = ["get", "getMany", "set", "delete", "list", "commit", "watch"];

/** A database in memory, its handles, and a clock. */
export class TestDatabase implements Disposable {
  readonly clock = new TestClock();
  readonly handles: TestKv[] = [];

  /** @param isFile Whether instances ask the file system about it. */
  private constructor(readonly raw: Deno.Kv, readonly isFile = false) {}

  static async open(path?: string): Promise<TestDatabase> {
    return new TestDatabase(await Deno.openKv(path ?? ":memory:"), path !== undefined);
  }

  /** Uses a database that is open. */
  static over(raw: Deno.Kv): TestDatabase {
    return new TestDatabase(raw);
  }

  /** Makes another handle. */
  handle(): TestKv {
    const kv = new TestKv(this.raw);
    this.handles.push(kv);
    return kv;
  }

  /** Makes a handle and a ledger on it, for a cluster of the prefix "c". */
  ledger(slots = 256): { kv: TestKv; ledger: Ledger } {
    const kv = this.handle();
    const store = new KvStore(kv, { clock: this.clock, random: () => 0.5, timeoutMs });
    return { kv, ledger: new Ledger(store, { prefix: ["c"], slots, ttlMs, revision: "" }) };
  }

  /** Lets everything happen that needs no time: until no handle is called any more. */
  async settle(): Promise<void> {
    let before = -1;
    for (let quiet = 0, rounds = 0; quiet < 3; rounds++) {
      if (rounds > maxRounds) throw new Error("The database is called again and again without any pause");
      await this.raw.get(["sentinel"]);
      if (this.isFile) await Deno.stat("."); // what was asked of the file system before is answered by then
      for (let turns = 0; turns < 3; turns++) await turn();
      const calls = this.handles.reduce(
        (sum, kv) => sum + operations.reduce((all, name) => all + kv.count(name), 0),
        0,
      );
      const isQuiet = calls === before && this.handles.every((kv) => kv.isAnswered);
      quiet = isQuiet ? quiet + 1 : 0;
      before = calls;
    }
  }

  /** Lets time pass, one timer after the other, and everything happen in between. */
  async pass(ms: number): Promise<void> {
    let leftMs = ms;
    await this.settle();
    while (this.clock.nextMs <= leftMs) {
      leftMs -= this.clock.nextMs;
      this.clock.advance(this.clock.nextMs);
      await this.settle();
    }
    this.clock.advance(leftMs);
    await this.settle();
  }

  /** Reads the keys and values of all sessions, or of all claims, of the prefix "c". */
  async read(kind: "session" | "claim"): Promise<Deno.KvEntry<Record<string, unknown>>[]> {
    const rows = await Array.fromAsync(
      this.raw.list<Record<string, unknown>>({ prefix: ["@pact/supervisor", '["c"]', kind] }),
    );
    return rows.filter(({ key }) => key.at(-1) !== "!bell");
  }

  /** Reads the ids of the sessions in the database. */
  async sessions(): Promise<unknown[]> {
    return (await this.read("session")).map(({ key }) => key.at(-1));
  }

  /** Reads who owns each slot that has an owner. */
  async owners(): Promise<Map<number, unknown>> {
    return new Map((await this.read("claim")).map(({ key, value }) => [key.at(-1) as number, value.session]));
  }

  [Symbol.dispose](): void {
    this.raw.close();
  }
}

/** A bot that knows the claim it runs under, and what it was built from. */
export class OwnedBot extends Bot {
  constructor(
    key: string,
    manners: Manners,
    live: LiveCount,
    readonly claim: Claim | undefined,
    readonly spec?: unknown,
  ) {
    super(key, manners, live);
  }
}

/** One instance of a program: a cluster around a supervisor. */
export class TestInstance {
  readonly kv: TestKv;
  readonly cluster: Cluster;
  readonly table: KvTable<string, unknown, OwnedBot>;
  /** The part of the table that its supervisor runs. */
  readonly part: OwnedTable<string, unknown, OwnedBot>;
  readonly supervisor: Supervisor<string, OwnedBot>;
  readonly events: ClusterEvent[] = [];
  /** The bot of each key that was built last. */
  readonly bots = new Map<string, OwnedBot>();
  /** How many times the callback of the run began. */
  callbacks = 0;
  readonly force = new AbortController();
  #taken = 0;
  #sessions = 0;
  #over = Promise.withResolvers<void>();
  #run: Watched<void> | undefined = undefined;

  constructor(readonly world: World, readonly name: string, options: ClusterOptions) {
    const { clock } = world.database;
    this.kv = world.database.handle();
    this.table = new KvTable<string, unknown, OwnedBot>(this.kv, {
      prefix: ["bots"],
      clock,
      pollMs: heartbeatMs,
      create: (spec, key, { claim }) => {
        const bot = new OwnedBot(key, world.manners.get(key) ?? {}, world.live, claim, spec);
        this.bots.set(key, bot);
        return bot;
      },
    });
    this.cluster = new Cluster(this.kv, {
      prefix: ["c"],
      allowLocal: true,
      slots: 16,
      heartbeatMs,
      ttlMs,
      clock,
      random: () => 0.5,
      newId: () => `${name}-${this.#sessions++}`,
      ...options,
    });
    this.cluster.subscribe((event) => void this.events.push(event));
    this.part = this.cluster.own(this.table);
    this.supervisor = new Supervisor(this.part, { clock, random: () => 0.5 });
    this.supervisor.subscribe(() => {});
  }

  get run(): Watched<void> {
    if (!this.#run) throw new Error(`The instance ${this.name} has not begun`);
    return this.#run;
  }

  /** The slots that it owns. */
  get owned(): readonly number[] {
    return this.cluster.snapshot().slots.owned;
  }

  /** The keys of its running processes. */
  get keys(): string[] {
    return this.supervisor.keys().sort();
  }

  /** Begins to run, without the supervisor when it is bare. */
  begin({ bare = false } = {}): void {
    this.#over = Promise.withResolvers<void>();
    const callback = async () => {
      this.callbacks++;
      await this.#over.promise;
    };
    const program = bare ? this.cluster : chain(this.cluster, this.supervisor);
    this.#run = watch(program.run(callback, { signal: this.force.signal }));
  }

  /** Lets the callback of its run settle. */
  leave(): void {
    this.#over.resolve();
  }

  /** Says what has happened since the last time; slots only when asked for. */
  take({ slots = false } = {}): string[] {
    const events = this.events.slice(this.#taken);
    this.#taken = this.events.length;
    return events.filter(({ type }) => slots || !type.startsWith("slot-")).map(describeClusterEvent);
  }

  /** All events of a type so far. */
  of<T extends ClusterEvent["type"]>(type: T): Extract<ClusterEvent, { type: T }>[] {
    return this.events.filter((event) => event.type === type) as Extract<ClusterEvent, { type: T }>[];
  }
}

/**
 * Instances on one database. When it is disposed of, their runs are ended and checked: nothing is left, no key ever had
 * two live runs, no rejection was unhandled.
 */
export class World implements AsyncDisposable {
  readonly instances: TestInstance[] = [];
  readonly live = new LiveCount();
  /** How the bots of keys behave. */
  readonly manners = new Map<string, Manners>();
  readonly unhandled = new UnhandledRejections();
  readonly writer: KvTable<string, unknown, OwnedBot>;
  /** Whether a key may have had two live runs, as when a process ignores that its claim is lost. */
  mayOverlap = false;

  private constructor(readonly database: TestDatabase) {
    const { clock } = database;
    const create = () => new OwnedBot("", {}, this.live, undefined);
    this.writer = new KvTable<string, unknown, OwnedBot>(database.raw, { prefix: ["bots"], clock, create });
  }

  static async open(keys: readonly string[] = [], path?: string): Promise<World> {
    const world = new World(await TestDatabase.open(path));
    for (const key of keys) await world.writer.set(key, null);
    return world;
  }

  /** Makes a world on a database that is open. */
  static over(raw: Deno.Kv): World {
    return new World(TestDatabase.over(raw));
  }

  get clock(): TestClock {
    return this.database.clock;
  }

  /** Makes an instance that has not begun. Its sessions are `<name>-0`, `<name>-1` and so on. */
  instance(name: string, options: ClusterOptions = {}): TestInstance {
    const instance = new TestInstance(this, name, options);
    this.instances.push(instance);
    return instance;
  }

  /** Makes an instance that is up. */
  async member(name: string, options: ClusterOptions = {}, { bare = false } = {}): Promise<TestInstance> {
    const instance = this.instance(name, options);
    instance.begin({ bare });
    await this.pass(settleMs);
    assertEquals(instance.callbacks, 1, `instance ${name} is not up`);
    return instance;
  }

  settle(): Promise<void> {
    return this.database.settle();
  }

  pass(ms: number): Promise<void> {
    return this.database.pass(ms);
  }

  /** Waits for something that needs no time of the clock, but more than the database: a file that is opened. */
  async until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
    for (let rounds = 0; !await isTrue(); rounds++) {
      if (rounds > maxRounds) throw new Error("What is waited for does not happen");
      await this.settle();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using database = this.database;
    using _unhandled = this.unhandled;
    for (const instance of this.instances) {
      instance.kv.break();
      instance.leave();
    }
    await this.pass(10 * ttlMs);
    for (const { name, run } of this.instances) assert(run.fate !== "pending", `the run of ${name} has not ended`);
    if (!this.mayOverlap) assertEquals(this.live.overlaps, [], "keys with two live runs at the same time");
    const checks = database.handles.map((kv) => Math.max(0, ...kv.checks));
    assert(checks.every((most) => most <= 10), `atomic operations with ${Math.max(...checks)} checks`);
    assertEquals(database.clock.pending, 0, "timers after the end");
    assertEquals(this.unhandled.reasons, [], "unhandled rejections");
  }
}

/** A world on a database file, and the options that name it. */
export async function openWorldOnFile(keys: readonly string[] = []) {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/kv.sqlite`;
  const world = await World.open(keys, path);
  const options: ClusterOptions = { allowLocal: false, path };
  return {
    world,
    path,
    options,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Lets time pass until an instance is up: a file is opened meanwhile, which takes no time of the clock. */
export async function untilUp(world: World, instance: TestInstance): Promise<void> {
  const callbacks = instance.callbacks;
  await world.until(() => instance.of("session-joined").length > 0);
  for (let steps = 0; steps < 250 && instance.callbacks === callbacks; steps++) await world.pass(50);
}

/** Names of keys: enough for every slot to have some. */
export function manyKeys(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `key-${index}`);
}
