/** The options of the program, read from its arguments. */

import { parseArgs } from "node:util";
import { readPort } from "../uptime/options.ts";

/** The options. */
export interface BotsOptions {
  /** The directory of the database, for nothing else; all instances have the same one. */
  readonly dir: string;
  /** What the instance is called. */
  readonly name: string;
  /** Where its API listens. */
  readonly port: number;
  /** Where a fake messenger of its own listens. */
  readonly messengerPort: number;
  /** The address of a messenger that runs elsewhere; without, there is a fake one. */
  readonly messengerUrl: string | undefined;
}

/** Reads `--dir`, `--name`, `--port`, `--messenger-port` and `--messenger`. */
export function readOptions(args: string[]): BotsOptions {
  const { values } = parseArgs({
    args,
    options: {
      "dir": { type: "string", default: ".demo/bots" },
      "name": { type: "string", default: "A" },
      "port": { type: "string", default: "8010" },
      "messenger-port": { type: "string", default: "8011" },
      "messenger": { type: "string" },
    },
  });
  return {
    dir: values.dir,
    name: values.name,
    port: readPort("--port", values.port),
    messengerPort: readPort("--messenger-port", values["messenger-port"]),
    messengerUrl: values.messenger,
  };
}
