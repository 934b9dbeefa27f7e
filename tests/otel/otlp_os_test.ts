/** A program in an OS process of its own, whose Deno exports to a receiver over HTTP. */

import { assert, assertEquals } from "@std/assert";
import { root } from "../os/program.ts";
import { OtlpReceiver } from "./otlp_receiver.ts";

const starts = 10_000;

Deno.test(`${starts} starts and stops, without any set-up, give right counts in a receiver of OTLP`, async () => {
  await using receiver = new OtlpReceiver();
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--quiet", "--import-map", "tests/npm/import_map.json"],
      ...["tests/otel/instrumented_program.ts", String(starts)],
    ],
    cwd: root,
    env: receiver.environment,
    stdout: "inherit",
    stderr: "null",
  }).output();
  assertEquals(code, 0);

  // One more each by a request, by a new version, and of the process that crashes.
  const lives = starts + 3;
  assertEquals(receiver.points("supervisor.process.start.duration"), { "": lives });
  assertEquals(receiver.points("supervisor.process.uptime"), { "": lives });
  assertEquals(receiver.points("supervisor.process.restarts"), { stopped: 1 });
  assertEquals(receiver.points("supervisor.reconcile.duration"), { "": 1 });
  assert(receiver.counts.some(({ running, parked }) => running === 500 && parked === 1), "no count before the end");
  const { running, ...others } = receiver.counts.at(-1)!;
  assertEquals([running, Object.keys(others).length, Object.values(others).some((count) => count > 0)], [0, 8, false]);

  const named = Map.groupBy(receiver.spans, ({ name }) => name);
  for (const name of ["supervisor.start", "supervisor.stop"]) {
    const count = named.get(name)?.length ?? 0;
    assert(count >= 100 && count < lives, `${count} spans ${name}`);
  }
  const ours = receiver.spans.filter(({ name }) => name.startsWith("supervisor."));
  assertEquals(ours.filter(({ parentSpanId }) => parentSpanId), [], "spans that are children");
  assertEquals(ours.filter(({ events = [] }) => events.length > 0), [], "spans with events");
  assertEquals(new Set(ours.map(({ traceId }) => traceId)).size, ours.length);
  const longest = Math.max(...ours.map((span) => Number(span.endTimeUnixNano) - Number(span.startTimeUnixNano)));
  assert(longest < 5e9, `a span lasts ${longest} ns`);

  const [request] = receiver.spans.filter(({ attributes }) =>
    attributes.some(({ key }) => key === "http.request.method")
  );
  const linked = ours.filter(({ links = [] }) => links.length > 0);
  assertEquals(linked.map(({ name, links }) => [name, links?.map(({ spanId, traceId }) => [traceId, spanId])]), [
    ["supervisor.start", [[request.traceId, request.spanId]]],
  ]);

  const failed = ours.filter(({ status }) => status?.code === 2);
  assertEquals(failed.map(({ status }) => status?.message), ["TypeError: no such host"]);
  const lines = receiver.logs.map(({ text, severity, spanId }) => ({ ...JSON.parse(text), severity, spanId }));
  assertEquals(lines.map(({ event, key, severity, spanId }) => [event, key, severity, spanId]), [
    ["exited", "broken", "ERROR", failed[0].spanId],
    ["parked", "broken", "ERROR", ""],
  ]);
});
