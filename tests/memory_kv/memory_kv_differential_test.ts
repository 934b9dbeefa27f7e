import { assertEquals, fail } from "@std/assert";
import { MemoryKv } from "./memory_kv.ts";
import { seededRandom } from "../os/random.ts";
import { nextOperation, type Operation, type Subject } from "./kv_operations.ts";

/** A database, and a number for each of its versionstamps in the order in which they came up. */
class Side implements Subject {
  readonly stamps: string[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(readonly kv: Deno.Kv) {}

  /** Runs an operation and tells in words what came of it: equal words, equal outcome. */
  async outcome({ run }: Operation): Promise<string> {
    try {
      return this.#describe(await run(this));
    } catch (error) {
      return this.#describe([(error as Error).constructor.name, (error as Error).message]);
    }
  }

  /** The numbers of all versionstamps, in the order of the versionstamps. */
  order(): number[] {
    return [...this.#numbers].sort(([a], [b]) => a < b ? -1 : 1).map(([, number]) => number);
  }

  #describe(value: unknown): string {
    const text = Deno.inspect(value, { depth: 10, iterableLimit: Infinity, strAbbreviateSize: Infinity });
    return text.replaceAll(/[\da-f]{16}0000/g, (stamp) => {
      if (!this.#numbers.has(stamp)) this.#numbers.set(stamp, this.#numbers.size);
      return `versionstamp ${this.#numbers.get(stamp)}`;
    });
  }
}

async function compare(seed: number, steps: number): Promise<void> {
  const random = seededRandom(seed);
  using realKv = await Deno.openKv(":memory:");
  using memoryKv = new MemoryKv();
  const [real, memory] = [new Side(realKv), new Side(memoryKv)];
  for (let step = 0; step < steps; step++) {
    const operation = nextOperation(random);
    const outcomes = [await real.outcome(operation), await memory.outcome(operation)];
    if (outcomes[0] !== outcomes[1]) {
      fail(`MEMORY_KV_SEED=${seed}, step ${step}: ${operation.name}\n${excerpts(outcomes)}`);
    }
  }
  assertEquals(memory.order(), real.order(), `MEMORY_KV_SEED=${seed}: the order of the versionstamps`);
}

/** Where two texts begin to differ. */
function excerpts([real, memory]: string[]): string {
  let start = 0;
  while (real[start] === memory[start]) start++;
  const excerpt = (text: string) => text.slice(Math.max(0, start - 200), start + 200);
  return `real: ${excerpt(real)}\nmemory: ${excerpt(memory)}`;
}

Deno.test("MemoryKv answers 10 000 random operations as Deno.openKv() does", async () => {
  const first = Number(Deno.env.get("MEMORY_KV_SEED") ?? 1);
  for (let seed = first; seed < first + 10; seed++) await compare(seed, 1_000);
});
