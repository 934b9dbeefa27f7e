/**
 * An instance of the bots of the example, in an OS process of its own.
 *
 * @module
 */

import { Program } from "../os/program.ts";

let count = 0;

/** An instance, and what was done to it. */
export class Instance extends Program {
  readonly name: string;
  readonly port: number;
  /** When it was killed or held up, each from when to when, epoch ms. */
  readonly harmed: { readonly from: number; to: number }[] = [];

  private constructor(name: string, port: number, args: readonly string[]) {
    super("examples/bots.ts", "--name", name, "--port", String(port), ...args);
    this.name = name;
    this.port = port;
  }

  /**
   * Starts one and waits until it can be asked.
   *
   * @param dir The directory of the database.
   * @param messengerUrl Where the messenger listens; without, it has one of its own.
   */
  static async start(dir: string, messengerUrl?: string): Promise<Instance> {
    const messenger = messengerUrl ? ["--messenger", messengerUrl] : ["--messenger-port", String(freePort())];
    const instance = new Instance(`I${++count}`, freePort(), ["--dir", dir, ...messenger]);
    await instance.line(/^api: listening/);
    return instance;
  }

  /**
   * Asks its API.
   *
   * @param method The method.
   * @param path The path.
   * @param body What to send as JSON.
   * @returns What it answers with status 200.
   */
  async ask(method: string, path: string, body: unknown = {}): Promise<Record<string, unknown>[]> {
    const init = method === "GET" ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, init);
    const json = await response.json();
    if (response.status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(json)}`);
    return [json].flat();
  }

  /** Ends it by SIGKILL. */
  async kill(): Promise<void> {
    this.harmed.push({ from: Date.now(), to: Infinity });
    await this.end("SIGKILL");
  }

  /** Holds it up. */
  hold(): void {
    this.harmed.push({ from: Date.now(), to: Infinity });
    this.signal("SIGSTOP");
  }

  /** Lets it go on. */
  letGo(): void {
    this.signal("SIGCONT");
    this.harmed.at(-1)!.to = Date.now();
  }

  /** How often a tenant was moved away from it. */
  movesOf(tenant: string): number {
    return this.lines.filter((line) => line.endsWith(`process "${tenant}": moved to another instance`)).length;
  }

  /** The times without an answer of the database, as on a machine under load, that ended with a fence. */
  get #unanswered(): { readonly from: number; readonly to: number }[] {
    return this.lines.flatMap((line, i) => {
      const [, ms] = /fenced with .* no heartbeat was acknowledged for (\d+) ms/.exec(line) ?? [];
      const to = this.linesAt[i];
      return ms ? [{ from: to - Number(ms), to }] : [];
    });
  }

  /** Whether it was killed, held up or fenced in a span of time. */
  isHarmed(from: number, to: number): boolean {
    return [...this.harmed, ...this.#unanswered].some((harm) => harm.from <= to && harm.to >= from);
  }

  /** Whether the database has not taken what the bot of a tenant wrote. */
  hasLostWrites(tenant: string): boolean {
    const failed = `process "${tenant}": failed`;
    return this.#unanswered.length > 0 ||
      this.lines.some((line) => line.includes(failed) && /KvTimeoutError|KvUnavailableError|Cannot keep/.test(line));
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
