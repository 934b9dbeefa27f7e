/**
 * A Deno program in an OS process of its own, for tests that look at it from outside.
 *
 * @module
 */

import { deadline } from "@std/async/deadline";

/** The folder that everything is run from. */
export const root = new URL("../../", import.meta.url).pathname;

/** How long anything may take that ought to be over in an instant; what is slower is broken. */
const patienceMs = 20_000;

/** How a program ended. */
export interface ProgramEnd {
  /** Its exit code; above 128 when a signal killed it. */
  readonly code: number;
  /** How long it took from the signal, or the call, to the end, in ms. */
  readonly durationMs: number;
}

/** Starts a program and reads what it prints, line by line. Disposing of it kills it. */
export class Program implements AsyncDisposable {
  /** Every line so far of its output and its errors. */
  readonly lines: string[] = [];
  /** When each of them was read, epoch ms. */
  readonly linesAt: number[] = [];
  /** How many of them are errors. */
  errorCount = 0;
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #printed: Promise<unknown>;
  #news = Promise.withResolvers<void>();
  #isOver = false;
  #read = 0;

  /**
   * @param path The program, from the root of the repository.
   * @param args Its arguments.
   */
  constructor(path: string, ...args: string[]) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--import-map", "tests/npm/import_map.json", path, ...args],
      cwd: root,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdin = this.#process.stdin.getWriter();
    this.#printed = Promise.all([
      this.#follow(this.#process.stdout, (lines) => this.#add(lines)),
      this.#follow(this.#process.stderr, (lines) => {
        this.errorCount += lines.length;
        this.#add(lines);
      }),
    ]).then(() => {
      this.#isOver = true;
      this.#news.resolve();
    });
  }

  /** Everything it has printed. */
  get output(): string {
    return this.lines.join("\n");
  }

  /**
   * Waits for a line that comes after those that were waited for before.
   *
   * @param pattern What it looks like.
   * @returns The match.
   */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const missing = () => new Error(`Cannot find a line like ${pattern}, the program printed:\n${this.output}`);
    const endsAt = Date.now() + patienceMs;
    for (;;) {
      while (this.#read < this.lines.length) {
        const match = pattern.exec(this.lines[this.#read++]);
        if (match) return match;
      }
      if (this.#isOver) throw missing();
      await deadline(this.#news.promise, Math.max(endsAt - Date.now(), 1)).catch(() => Promise.reject(missing()));
    }
  }

  /**
   * Writes a line to its input.
   *
   * @param text The line.
   */
  async say(text: string): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(`${text}\n`));
  }

  /**
   * Sends a signal.
   *
   * @param signal Which one.
   */
  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /**
   * Sends a signal, if one is given, and waits for the end and for everything it has printed.
   *
   * @param signal Which one.
   */
  async end(signal?: Deno.Signal): Promise<ProgramEnd> {
    const startedAt = performance.now();
    if (signal) this.signal(signal);
    const { code } = await deadline(this.#process.status, patienceMs).catch(() => {
      throw new Error(`Cannot see the end of the program, it printed:\n${this.output}`);
    });
    const durationMs = performance.now() - startedAt;
    await this.#printed;
    return { code, durationMs };
  }

  /** Kills it, whatever it does. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.signal("SIGKILL");
    } catch (_ended) {
      // It has ended by itself.
    }
    await this.#process.status;
    await this.#printed;
    await this.#stdin.abort().catch(() => {});
  }

  async #follow(stream: ReadableStream<Uint8Array>, add: (lines: readonly string[]) => void): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      add(lines);
    }
    if (rest) add([rest]);
  }

  #add(lines: readonly string[]): void {
    this.lines.push(...lines);
    while (this.linesAt.length < this.lines.length) this.linesAt.push(Date.now());
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
