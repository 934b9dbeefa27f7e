/**
 * The figures of Deno KV, of changes, of start-up and of telemetry, and their targets.
 *
 * @module
 */

import { type Group, probe, read, type Scale, value, versus } from "./group.ts";

function iteration(size: number): Group {
  const ours = probe("oursKv", "iterate", size);
  const others = [{ name: "kv.list", from: probe("bareKv", "iterate", size), atMost: 1.1 }];
  return { title: "KvTable iteration", figures: versus("KvTable iteration", read(ours, "rowUs"), others) };
}

function coldStart(size: number): Group {
  const ours = probe("oursKv", "cold", size);
  const others = [{ name: "kv.list and floor-map", from: probe("bareKv", "cold", size), atMost: 1.3 }];
  return { title: "cold start", figures: versus("cold start from KV", read(ours, "startUs"), others) };
}

function writes(size: number): Group[] {
  return [["setFile", "in a file"], ["setMemory", "in memory"]].map(([section, where]) => {
    const ours = probe("oursKv", section, size, { warmSize: 200, times: 1 });
    const others = [{
      name: "bare atomic",
      from: probe("bareKv", section, size, { warmSize: 200, times: 1 }),
      atMost: 1.1,
    }];
    return { title: `writes ${where}`, figures: versus(`KvTable.set ${where}`, read(ours, "setUs"), others) };
  });
}

function latencies(scale: Scale): Group {
  const memory = probe("oursIdle", "latency", 200, { warmSize: 50, times: 1 });
  const same = probe("oursKvLatency", "same", 100, { warmSize: 10, times: 1 });
  const other = probe("oursKvLatency", "other", scale.isFull ? 40 : 10, { warmSize: 2, times: 1 });
  const figures = [
    value("table change to process running: Map", read(memory, "latencyMs"), 1),
    value("table change to process running: KV, same process", read(same, "latencyMs"), 10),
    value("table change to process running: KV, other OS process", read(other, "latencyMs"), 250),
  ];
  return { title: "latency", figures };
}

function startUp(scale: Scale): Group {
  const from = probe("startUp", "imports", scale.isFull ? 15 : 5, { warmSize: 1, times: 1 });
  const empty = { name: "empty program", from, measure: "withoutMs", atMost: 3 };
  const figures = [
    ...versus("import of mod.ts", read(from, "withMs"), [empty], "difference"),
    value("node: modules that mod.ts reaches", read(from, "nodeImports"), 0),
  ];
  return { title: "start-up", figures };
}

/** CPU time in one program, by turns; of a process that does nothing at all in memory, and of one whose start reads a database. */
function telemetry(scale: Scale): Group {
  const sections = [["memory", "in memory", 50_000], ["kv", "from KV", 5_000]] as const;
  const figures = sections.flatMap(([section, where, size]) => {
    const from = probe("oursOtel", section, size / scale.divisor, { warmSize: 0, times: 1 });
    return versus(`start and stop ${where}, exported to OpenTelemetry`, read(from, "instrumentedUs"), [
      { name: "not instrumented", from, measure: "plainUs", atMost: 1.1 },
    ]);
  });
  return { title: "telemetry", figures };
}

/** Lists every figure of Deno KV, of changes and of start-up. */
export function figuresOfKv(scale: Scale): Group[] {
  return [
    iteration(100_000 / scale.divisor),
    coldStart(10_000 / scale.divisor),
    ...writes(2_000 / scale.divisor),
    latencies(scale),
    startUp(scale),
    telemetry(scale),
  ];
}
