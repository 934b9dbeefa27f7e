import { assertEquals } from "@std/assert";
import { seededRandom } from "../os/random.ts";
import { KvConnectServer } from "./server.ts";

/** The same random operations, on whatever database they are given. */
type Operation = (kv: Deno.Kv) => Promise<unknown>;

const seed = 4;
const operations = 2_000;

function draw(random: () => number): Operation {
  const below = (count: number) => Math.floor(random() * count);
  const key = () => [["a", "b", "\0"][below(3)], below(4)];
  const [value, count] = [below(1_000), new Deno.KvU64(BigInt(below(9)))];
  const [first, second, counter] = [key(), key(), ["count", below(3)]];
  const [limit, batchSize, reverse] = [1 + below(20), 1 + below(5), below(2) === 0];
  const drawn: Operation[] = [
    (kv) => kv.set(first, value),
    (kv) => kv.delete(first),
    (kv) => kv.get(first),
    (kv) => kv.getMany([first, second, counter]),
    async (kv) => kv.atomic().check(await kv.get(first)).set(first, value).delete(second).commit(),
    (kv) => kv.atomic().check({ key: first, versionstamp: null }).set(first, value).set(second, value).commit(),
    (kv) => kv.atomic().sum(counter, count.value).max(["most"], count.value).min(["least"], count.value).commit(),
    (kv) => kv.set(["log", kv.commitVersionstamp()], value),
    (kv) => Array.fromAsync(kv.list({ prefix: [] }, { limit, batchSize, reverse })),
    (kv) => Array.fromAsync(kv.list({ prefix: first.slice(0, 1), start: first }, { batchSize, reverse })),
  ];
  return drawn[below(drawn.length)];
}

/** Makes a function that shows an answer with the versionstamps as numbers, in the order in which they were met. */
function withoutVersionstamps(): (answer: unknown) => string {
  const numbers = new Map<string, number>();
  const number = (versionstamp: string) => {
    if (!numbers.has(versionstamp)) numbers.set(versionstamp, numbers.size);
    return `#${numbers.get(versionstamp)}`;
  };
  return (answer) => Deno.inspect(answer, { depth: 9, iterableLimit: 1_000 }).replaceAll(/[0-9a-f]{16}0000/g, number);
}

Deno.test(`KvConnectServer: answers ${operations} random operations as Deno's own database does`, async () => {
  await using server = KvConnectServer.start();
  using remote = await server.open();
  using local = await Deno.openKv(":memory:");
  const [answerOf, expectedOf] = [withoutVersionstamps(), withoutVersionstamps()];
  const random = seededRandom(seed);
  for (let i = 0; i < operations; i++) {
    const operation = draw(random);
    const [answer, expected] = [answerOf(await operation(remote)), expectedOf(await operation(local))];
    assertEquals(answer, expected, `operation ${i} of seed ${seed}`);
  }
});
