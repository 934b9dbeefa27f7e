/**
 * Opens event streams, of which half are never read, and says when each has begun and how many events the others have got.
 *
 * Usage: `deno run -A stream_clients_program.ts <port> <streams>`
 *
 * @module
 */

const [port, streams] = Deno.args.map(Number);
const request = new TextEncoder().encode("GET /api/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
let events = 0;

async function read(connection: Deno.Conn): Promise<void> {
  const decoder = new TextDecoder();
  for await (const bytes of connection.readable) events += decoder.decode(bytes).split("\nevent: ").length - 1;
}

for (let index = 0; index < streams; index++) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(request);
  if (index % 2 === 0) read(connection).catch(() => {});
  else await connection.read(new Uint8Array(64)); // the head, and nothing more
}
console.log(`open ${streams}`);
for await (const _ of Deno.stdin.readable) console.log(`events ${events}`);
Deno.exit(0);
