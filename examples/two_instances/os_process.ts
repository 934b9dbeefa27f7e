/** An instance of the program in an OS process of its own, as a runnable. */

import type { RunCallback, Runnable, RunOptions } from "@pact/supervisor";

const program = new URL("./instance.ts", import.meta.url).href;
const importMap = new URL("../../tests/npm/import_map.json", import.meta.url).href;

/** Starts an instance, prints what it prints, and stops it as Ctrl-C does, or by force when that takes too long. */
export class OsProcess implements Runnable {
  readonly name: string;
  /** What it has printed. */
  readonly lines: string[] = [];
  readonly #path: string;
  #process: Deno.ChildProcess | undefined = undefined;

  constructor(name: string, path: string) {
    this.name = name;
    this.#path = path;
  }

  async run(running: RunCallback, { signal }: RunOptions): Promise<void> {
    const args = ["run", "-A", "--quiet", "--import-map", importMap, program, this.#path, this.name];
    this.#process = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped" }).spawn();
    const kill = () => this.signal("SIGKILL");
    signal.addEventListener("abort", kill);
    const printed = this.#print(this.#process.stdout);
    try {
      await running(signal);
    } finally {
      this.signal("SIGCONT"); // a paused one would not get the next signal
      this.signal("SIGINT");
      await this.#process.status;
      await printed;
      signal.removeEventListener("abort", kill);
    }
  }

  /** Sends a signal, unless it has ended. */
  signal(signal: Deno.Signal): void {
    try {
      this.#process?.kill(signal);
    } catch (_ended) {
      // There is nothing left to signal.
    }
  }

  async #print(stdout: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stdout.pipeThrough(new TextDecoderStream())) {
      for (const line of text.split("\n").filter(Boolean)) {
        this.lines.push(line);
        console.log(`           ${this.name}: ${line}`);
      }
    }
  }
}
