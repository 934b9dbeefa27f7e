/**
 * The library while it tells OpenTelemetry what it does, and Deno exports that.
 *
 * @module
 */

import type { Measures, Subject } from "./subject.ts";

const turns = 5;

async function measure(section: string, size: number): Promise<Measures> {
  if (size === 0) return {}; // a warm-up: the program that is measured warms up by itself
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    await request.arrayBuffer();
    return new Response(null, { headers: { "content-type": "application/x-protobuf" } });
  });
  const flags = ["--v8-flags=--expose-gc", "--unstable-kv", "--import-map", "tests/npm/import_map.json"];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      "--no-check",
      ...flags,
      "tests/bench/subjects/otel_program.ts",
      section,
      `${size}`,
      `${turns}`,
    ],
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
      OTEL_BSP_SCHEDULE_DELAY: "200",
    },
  }).output();
  if (!success) throw new Error(`Cannot measure ${section}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The library, exported: the CPU time of one start and stop with and without it, by turns in one program. */
export const subject: Subject = {
  memory: (size) => measure("memory", size),
  kv: (size) => measure("kv", size),
};
