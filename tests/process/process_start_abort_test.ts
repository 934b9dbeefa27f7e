import { assertEquals } from "@std/assert";
import { Process, type Runnable } from "@pact/supervisor";
import { settle, watch } from "../supervisor/fixtures/mod.ts";

/** A process that is up at once and whose start is aborted right after that. */
function abortedOnceUp() {
  const controller = new AbortController();
  const runnable: Runnable = {
    async run(running, { signal }) {
      const up = running(signal);
      controller.abort(new Error("too late"));
      await up;
    },
  };
  const process = new Process(runnable);
  return { process, start: watch(process.start({ signal: controller.signal })) };
}

Deno.test("Process.start() resolves when its signal aborts right after the process is up", async () => {
  const { process, start } = abortedOnceUp();
  await settle();
  assertEquals(start.fate, "resolved");
  await process.stop();
});

Deno.test("Process goes on running when the signal of its start aborts right after it is up", async () => {
  await using process = abortedOnceUp().process;
  await settle();
  assertEquals(process.state, "running");
});
