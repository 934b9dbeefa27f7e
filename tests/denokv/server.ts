/**
 * The real self-hosted server of Deno KV, in an OS process of its own.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { maxClientPauseMs, type RemoteDatabase } from "../kv_connect/remote_database.ts";
import { root } from "../os/program.ts";
import { binary } from "../tasks/test_denokv.ts";

/** What every client of every server says; the server wants at least twelve characters. */
const accessToken = "test-of-a-server";

/** How long the server may take until it listens, in ms. */
const patienceMs = 20_000;

/** A copy of a database, until it is disposed of. */
export interface DenokvCopy extends AsyncDisposable {
  readonly directory: string;
}

/** A server on localhost with a file and a port of its own. */
export class Denokv implements RemoteDatabase {
  readonly #directory: string;
  readonly #port: number;
  #process: Deno.ChildProcess;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.#port = port;
    this.#process = this.#spawn();
  }

  /** Starts a server with an empty database. */
  static async start(): Promise<Denokv> {
    const server = new Denokv(await Deno.makeTempDir({ prefix: "denokv_" }), freePort());
    await server.#listening();
    return server;
  }

  /** The port on which it listens. */
  get port(): number {
    return this.#port;
  }

  /** Where it listens. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  open(): Promise<Deno.Kv> {
    Deno.env.set("DENO_KV_ACCESS_TOKEN", accessToken);
    return Deno.openKv(this.url);
  }

  /** Kills it, whatever it does. */
  async stop(): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch (_ended) {
      // It is down.
    }
    await this.#process.status;
  }

  async restart(): Promise<void> {
    await this.stop();
    this.#process = this.#spawn();
    await this.#listening();
  }

  /** Copies its database, while it does nothing: what was acknowledged is in the copy. */
  async backUp(): Promise<DenokvCopy> {
    const directory = await Deno.makeTempDir({ prefix: "denokv_copy_" });
    this.freeze();
    for await (const { name } of Deno.readDir(this.#directory)) {
      await Deno.copyFile(`${this.#directory}/${name}`, `${directory}/${name}`);
    }
    this.thaw();
    return { directory, [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }) };
  }

  /** Kills it, and starts it again with a copy in the place of its database; without one, with an empty database. */
  async restore(copy?: DenokvCopy): Promise<void> {
    await this.stop();
    for await (const { name } of Deno.readDir(this.#directory)) await Deno.remove(`${this.#directory}/${name}`);
    for await (const { name } of copy ? Deno.readDir(copy.directory) : []) {
      await Deno.copyFile(`${copy!.directory}/${name}`, `${this.#directory}/${name}`);
    }
    await this.restart();
  }

  /** Stops it from doing anything: it still accepts connections and requests, and answers none. */
  freeze(): void {
    this.#process.kill("SIGSTOP");
  }

  /** Lets it go on: it answers whatever has come meanwhile. */
  thaw(): void {
    this.#process.kill("SIGCONT");
  }

  /** Answers the clients that still try again, so that no call is left, before it ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.restart();
    await delay(maxClientPauseMs);
    await this.stop();
    await Deno.remove(this.#directory, { recursive: true });
  }

  #spawn(): Deno.ChildProcess {
    return new Deno.Command(root + binary, {
      args: ["--sqlite-path", `${this.#directory}/denokv.sqlite3`, "serve", "--addr", `127.0.0.1:${this.#port}`],
      env: { DENO_KV_ACCESS_TOKEN: accessToken, RUST_LOG: "error" },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
  }

  async #listening(): Promise<void> {
    for (const endsAt = performance.now() + patienceMs; performance.now() < endsAt; await delay(5)) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port: this.#port })).close();
        return;
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      }
    }
    await this.stop();
    throw new Error(`Cannot start ${binary}: it does not listen after ${patienceMs} ms`);
  }
}

/**
 * Finds a port below those that the system gives to clients: one of them that calls while the server is down could be given
 * the very port, and would then be connected to itself.
 */
function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
