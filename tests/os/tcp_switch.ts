/**
 * One address for several servers: connections go to the one that is named when they are made, and stay there.
 *
 * @module
 */

/** Listens on localhost until it is disposed of. */
export class TcpSwitch implements AsyncDisposable {
  readonly #listener: Deno.TcpListener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open: Set<Deno.TcpConn> = new Set();
  readonly #connections: Set<Promise<unknown>> = new Set();
  readonly #serving: Promise<void>;
  /** The port of the server to which connections go that are made from now on. */
  target: number;

  constructor(target: number) {
    this.target = target;
    this.#serving = this.#serve();
  }

  /** Where it listens. */
  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) close(connection);
    await this.#serving;
    await Promise.all(this.#connections);
  }

  async #serve(): Promise<void> {
    for await (const client of this.#listener) this.#connections.add(this.#connect(client));
  }

  /** Either of the two may end the connection. */
  async #connect(client: Deno.TcpConn): Promise<void> {
    const server = await Deno.connect({ hostname: "127.0.0.1", port: this.target });
    for (const end of [client, server]) this.#open.add(end);
    await Promise.allSettled([client.readable.pipeTo(server.writable), server.readable.pipeTo(client.writable)]);
    for (const end of [client, server]) close(end);
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}
