/** Server-sent events: what happens to the monitors, as it happens. */

import { describeEvent, type Runnable, type Supervisor } from "@pact/supervisor";

/** How many events a client may be behind before its stream ends; it asks again by itself. */
const maxBehind = 1_000;

/** Answers with every event of a supervisor from now on, until the client hangs up or the server ends. */
export function eventStream<P extends Runnable>(supervisor: Supervisor<string, P>): Response {
  const over = new AbortController();
  const body = new ReadableStream<string>({
    start(controller) {
      controller.enqueue(": connected\n\n");
      supervisor.subscribe((event) => {
        if ((controller.desiredSize ?? 0) > 0) {
          controller.enqueue(`event: ${event.type}\ndata: ${describeEvent(event)}\n\n`);
        } else {
          over.abort();
          controller.close();
        }
      }, { signal: over.signal });
    },
    cancel: () => over.abort(),
  }, { highWaterMark: maxBehind });
  return new Response(body.pipeThrough(new TextEncoderStream()), { headers: { "content-type": "text/event-stream" } });
}
