/**
 * What the tests of the inspector share.
 *
 * @module
 */

import type { Runnable, Supervisor } from "@pact/supervisor";
import { inspect, type InspectOptions } from "../../src/inspect/mod.ts";

/** An inspector that is asked like a server. */
export class Face {
  readonly handle: (request: Request) => Promise<Response>;

  // deno-lint-ignore no-explicit-any -- tables of any keys
  constructor(options: Partial<InspectOptions<any>>) {
    this.handle = inspect({ authorize: () => "ops", ...options });
  }

  async get(path: string, headers: HeadersInit = {}): Promise<Response> {
    return await this.handle(new Request(`http://localhost${path}`, { headers }));
  }

  async post(path: string, init: RequestInit = {}): Promise<Response> {
    return await this.handle(new Request(`http://localhost${path}`, { method: "POST", ...init }));
  }

  // deno-lint-ignore no-explicit-any -- what comes over the wire is looked at by the test
  async json(path: string): Promise<any> {
    return await (await this.get(path)).json();
  }
}

/** Waits until a supervisor has given up so many keys. It takes the place of the console, too. */
export function givesUp<K>(supervisor: Pick<Supervisor<K, Runnable>, "subscribe">, keys = 1): Promise<void> {
  return new Promise((resolve) => supervisor.subscribe(({ type }) => type === "parked" && --keys === 0 && resolve()));
}

/** The status of an answer, whose body is not wanted. */
export async function statusOf(answer: Response | Promise<Response>): Promise<number> {
  const { status, body } = await answer;
  await body?.cancel();
  return status;
}
