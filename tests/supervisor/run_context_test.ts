import { assertEquals } from "@std/assert";
import { RunContext } from "../../src/supervisor/run_context.ts";
import { settle } from "./fixtures/mod.ts";

Deno.test("RunContext.enter() runs each step once, in order, also those that a step enters", async () => {
  for (const count of [1, 2, 3]) {
    const context = new RunContext(), ran: string[] = [];
    for (let outer = 0; outer < count; outer++) {
      context.enter(() => {
        ran.push(`${outer}`);
        for (let inner = 0; inner < 3; inner++) context.enter(() => void ran.push(`${outer}.${inner}`));
      });
    }
    await settle();
    const outers = Array.from({ length: count }, (_, outer) => `${outer}`);
    assertEquals(ran, [...outers, ...outers.flatMap((outer) => [0, 1, 2].map((inner) => `${outer}.${inner}`))]);
  }
});
