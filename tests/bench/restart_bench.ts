import { afterExit, defaultRestartPolicy, delayAfter } from "../../src/restart.ts";

const error = new Error("oops");
const failed = { key: "a", outcome: "failed", error, phase: "running", uptimeMs: 10, failures: 3 } as const;

Deno.bench("afterExit() decides on a restart", () => {
  afterExit(defaultRestartPolicy, failed, 0.5);
});

Deno.bench("delayAfter() of the tenth failure", () => {
  delayAfter(defaultRestartPolicy, 10, 0.5);
});
