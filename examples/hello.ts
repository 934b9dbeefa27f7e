/** The shortest program: two greeters, one of which gets tired. Ctrl-C ends it, and so do 3 seconds. */

import { describeEvent, leaf, main, MapTable, Supervisor } from "@pact/supervisor";
import { delay } from "@std/async/delay";

const greeter = (name: string) =>
  leaf(async (signal) => {
    for (let greetings = 0; greetings < 3 || name === "ann"; greetings++) {
      await delay(300, { signal });
      console.log(`${name} says hello`);
    }
    throw new Error("tired");
  });

const supervisor = new Supervisor(new MapTable([["ann", greeter], ["bob", greeter]]), {
  restart: { minDelayMs: 500, limit: 2 },
});
supervisor.subscribe((event) => console.log(describeEvent(event)));

await main(supervisor, { signal: AbortSignal.timeout(3_000) });
