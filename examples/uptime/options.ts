/** The options of the program, read from its arguments. */

import { parseArgs } from "node:util";

/** The options. */
export interface UptimeOptions {
  /** The directory of the database, for nothing else. */
  readonly dir: string;
  /** Where the API listens. */
  readonly port: number;
  /** Where the sites of the demo listen. */
  readonly sitesPort: number;
}

/** Reads `--dir`, `--port` and `--sites-port`. */
export function readOptions(args: string[]): UptimeOptions {
  const { values } = parseArgs({
    args,
    options: {
      "dir": { type: "string", default: ".demo" },
      "port": { type: "string", default: "8000" },
      "sites-port": { type: "string", default: "8001" },
    },
  });
  return {
    dir: values.dir,
    port: readPort("--port", values.port),
    sitesPort: readPort("--sites-port", values["sites-port"]),
  };
}

/** Checks a port. */
export function readPort(name: string, value: string): number {
  const port = Number(value);
  if (/^\d+$/.test(value) && port >= 1 && port <= 65_535) return port;
  throw new RangeError(`Cannot use ${name}: it must be a whole number from 1 to 65535, current value is "${value}"`);
}
