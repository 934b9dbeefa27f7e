/** The client of the messenger: says what its answers mean to a bot. */

import { RetryAfterError, UnrecoverableError } from "@pact/supervisor";

/** The messenger, as one instance of the program calls it. */
export class Messenger {
  readonly #url: string;
  readonly #instance: string;

  constructor(url: string, instance: string) {
    this.#url = url;
    this.#instance = instance;
  }

  /** The conversation that belongs to a token. */
  chat(token: string): Chat {
    return new Chat((path, method, signal) =>
      fetch(`${this.#url}/${token}/${path}`, { method, signal, headers: { "user-agent": `bots/${this.#instance}` } })
    );
  }
}

type Send = (path: string, method: "GET" | "POST", signal: AbortSignal) => Promise<Response>;

/** The conversation that belongs to one token. */
export class Chat {
  readonly #send: Send;

  constructor(send: Send) {
    this.#send = send;
  }

  /** Waits for messages after a number; returns theirs. */
  async poll(after: number, signal: AbortSignal): Promise<number[]> {
    return (await this.#call(`messages/${after}`, "GET", signal)).json();
  }

  /** Shows that an answer is on its way. */
  async typing(message: number, signal: AbortSignal): Promise<void> {
    await (await this.#call(`typing/${message}`, "POST", signal)).body?.cancel();
  }

  /** Answers a message. */
  async reply(message: number, signal: AbortSignal): Promise<void> {
    await (await this.#call(`reply/${message}`, "POST", signal)).body?.cancel();
  }

  async #call(path: string, method: "GET" | "POST", signal: AbortSignal): Promise<Response> {
    const response = await this.#send(path, method, signal);
    if (response.ok) return response;
    await response.body?.cancel();
    const { status, headers } = response;
    if (status === 401) throw new UnrecoverableError("the messenger refuses the token: it may have been revoked");
    if (status === 429) throw new RetryAfterError(Number(headers.get("retry-after")) * 1_000, "the messenger is busy");
    throw new Error(`the messenger answered ${status}`);
  }
}
