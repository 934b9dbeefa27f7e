/** Prints what happens, in plain lines. */

import { describeEvent, type Listener, type SupervisorEvent } from "@pact/supervisor";

/** Makes a listener that prints what matters: "recovered" after a failure, and not every pass. */
export function logger(): Listener<SupervisorEvent<string>> {
  return (event) => {
    switch (event.type) {
      case "starting":
      case "reconciled":
        return;
      case "running":
        return print(`process "${event.key}": ${event.attempt > 1 ? "recovered" : "started"}`);
      default:
        return print(describeEvent(event));
    }
  };
}

function print(line: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
}
