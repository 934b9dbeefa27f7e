/**
 * A remote database for tests: a server of KV Connect, version 3, that loses, delays and refuses what the test wants.
 * Follows {@link https://github.com/denoland/denokv/blob/main/proto/kv-connect.md | the specification}.
 *
 * @module
 */

import {
  decodeAtomicWrite,
  decodeSnapshotRead,
  decodeWatch,
  encodeAtomicWriteOutput,
  encodeSnapshotReadOutput,
} from "./messages.ts";
import { maxClientPauseMs, type RemoteDatabase } from "./remote_database.ts";
import { Store } from "./store.ts";
import { Watches } from "./watches.ts";

/** What a client asks for. */
export type RequestKind = "metadata" | "read" | "write" | "watch";

/**
 * What happens to a request:
 * - `"pass"`: it is answered;
 * - `"refuse"`: it is not applied, and the client is told to try again;
 * - `"hang"`: it is not applied and never answered, until the server stops;
 * - `"lose-reply"`: it is applied, and the client is told to try again;
 * - `"garble-reply"`: it is applied, and the client cannot read the answer: its call throws.
 */
export type Fate = "pass" | "refuse" | "hang" | "lose-reply" | "garble-reply";

/** Decides what happens to the `n`th request of a kind, counted from 1, now or later: until then, nothing does. */
export type FateChooser = (kind: RequestKind, n: number) => Fate | Promise<Fate>;

/** What every client of every server says. */
const accessToken = "test";

/** Servers of other people take no more. */
const maxChecks = 10;

const protobuf = { headers: { "content-type": "application/x-protobuf" } };

/** A message that ends before it has begun. */
const noMessage = new Uint8Array([8]);

const kinds = new Map<string, RequestKind>([
  ["/", "metadata"],
  ["/v3/snapshot_read", "read"],
  ["/v3/atomic_write", "write"],
  ["/v3/watch", "watch"],
]);

/** A server on localhost with a database in memory, which outlives a restart. */
export class KvConnectServer implements RemoteDatabase {
  /** Decides about every request. */
  onRequest: FateChooser = () => "pass";
  readonly #databaseId = crypto.randomUUID();
  readonly #store = new Store();
  readonly #watches = new Watches(this.#store);
  readonly #counts = new Map<RequestKind, number>();
  #http: Deno.HttpServer<Deno.NetAddr> | undefined;
  #port = 0;
  /** Ends the listening. */
  #open = new AbortController();
  /** Lets go of what hangs. */
  #release = Promise.withResolvers<void>();
  #state: "up" | "down" | "ended" = "down";
  #lastRetryAt = -Infinity;

  private constructor() {}

  /** Starts a server with an empty database. */
  static start(): KvConnectServer {
    const server = new KvConnectServer();
    server.#listen();
    return server;
  }

  /** Where it listens. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Opens the database with Deno's own client. */
  open(): Promise<Deno.Kv> {
    Deno.env.set("DENO_KV_ACCESS_TOKEN", accessToken);
    return Deno.openKv(this.url);
  }

  /** How many requests of a kind have come. */
  count(kind: RequestKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** Breaks every watch; their clients come back. */
  cutWatches(): void {
    this.#watches.cut();
  }

  /** Goes down, as in a crash: what hangs is not applied, and no client learns that it should give up. */
  async stop(): Promise<void> {
    this.#state = "down";
    this.#release.resolve();
    this.cutWatches();
    // A shutdown would wait for clients, also for one that was halted.
    this.#open.abort();
    await this.#http?.finished;
  }

  /** Comes up again at the same place with the same data. */
  async restart(): Promise<void> {
    await this.stop();
    // Clients that called meanwhile are about to try again.
    this.#lastRetryAt = performance.now();
    this.#listen();
  }

  /**
   * Ends for good: clients that still wait or try again get an error, so that no call is left. A handle's `close` ends none
   * of them. Watches are for the test to cancel, and other OS processes to kill, before this.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "down") await this.restart();
    this.#state = "ended";
    this.#release.resolve();
    for (;;) {
      const pauseMs = this.#lastRetryAt + maxClientPauseMs - performance.now();
      if (pauseMs <= 0) break;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    this.cutWatches();
    await this.#http?.shutdown();
  }

  #listen(): void {
    this.#state = "up";
    this.#release = Promise.withResolvers();
    this.#open = new AbortController();
    this.#http = Deno.serve(
      { hostname: "127.0.0.1", port: this.#port, signal: this.#open.signal, onListen: () => {} },
      (request) => this.#answer(request),
    );
    this.#port = this.#http.addr.port;
  }

  async #answer(request: Request): Promise<Response> {
    const kind = kinds.get(new URL(request.url).pathname);
    if (!kind) return new Response("There is no such path", { status: 404 });
    if (request.headers.get("authorization") !== `Bearer ${accessToken}`) {
      return new Response("The access token is a wrong one", { status: 401 });
    }
    const body = await request.bytes();
    return this.#reply(await this.#fate(kind), () => this.#apply(kind, body));
  }

  async #fate(kind: RequestKind): Promise<Fate> {
    const n = this.count(kind) + 1;
    this.#counts.set(kind, n);
    const released = this.#release.promise.then(() => "refuse" as const);
    const fate = await Promise.race([this.onRequest(kind, n), released]);
    return fate === "hang" ? await released : fate;
  }

  #reply(fate: Fate, apply: () => Response): Response {
    if (this.#state === "ended") return new Response("The server has ended", { status: 410 });
    // Also when it is down: a watch that opened then would outlive the cut and hold the end up.
    if (this.#state === "down" || fate === "refuse") return this.#tryAgain();
    const response = apply();
    if (fate === "pass") return response;
    void response.body?.cancel();
    return fate === "garble-reply" ? new Response(noMessage, protobuf) : this.#tryAgain();
  }

  #tryAgain(): Response {
    this.#lastRetryAt = performance.now();
    return new Response("Try again", { status: 503 });
  }

  #apply(kind: RequestKind, body: Uint8Array): Response {
    if (kind === "metadata") return this.#metadata();
    if (kind === "watch") return new Response(this.#watches.open(decodeWatch(body)));
    try {
      return new Response(kind === "read" ? this.#read(body) : this.#write(body), protobuf);
    } catch (error) {
      return new Response(error instanceof Error ? error.message : String(error), { status: 400 });
    }
  }

  #metadata(): Response {
    return Response.json({
      version: 3,
      databaseId: this.#databaseId,
      endpoints: [{ url: "/v3", consistency: "strong" }],
      token: accessToken,
      expiresAt: new Date(Date.now() + 3_600_000),
    });
  }

  #read(body: Uint8Array): Uint8Array<ArrayBuffer> {
    return encodeSnapshotReadOutput(decodeSnapshotRead(body).map((range) => this.#store.list(range)));
  }

  #write(body: Uint8Array): Uint8Array<ArrayBuffer> {
    const write = decodeAtomicWrite(body);
    if (write.checks.length > maxChecks) throw new RangeError("Too many checks included in atomic write.");
    return encodeAtomicWriteOutput(this.#store.commit(write));
  }
}
