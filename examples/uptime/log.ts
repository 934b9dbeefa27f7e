/** Says in plain lines what happens. */

import { describeEvent, type EventListener, type SupervisorEvent } from "@pact/supervisor";

/** Makes a listener that prints what matters: what failed and is up again has recovered, every pass is too much. */
export function logger(): EventListener<SupervisorEvent<string>> {
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
