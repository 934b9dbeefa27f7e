/**
 * Reads the text format of Prometheus (0.0.4) as strictly as `promtool check metrics` does: the grammar, no series twice, each
 * metric in one piece behind its HELP and TYPE, histograms that add up, and names that keep the endings of types.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";

/** A metric, and its values by the rest of the line. */
export interface Metric {
  readonly name: string;
  readonly type: string;
  readonly series: ReadonlyMap<string, number>;
}

const label = String.raw`[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*"`;
const sample = new RegExp(
  String.raw`^([a-zA-Z_:][\w:]*)((?:\{${label}(?:,${label})*\})?) (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|NaN)$`,
);

/** Reads a text; fails where it breaks a rule. */
export function readExposition(text: string): ReadonlyMap<string, Metric> {
  assert(text.endsWith("\n"), "the last line has no end");
  const metrics = new Map<string, { name: string; type: string; series: Map<string, number> }>();
  let help = "", name = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, helped] = /^# HELP ([a-zA-Z_:][\w:]*) \S.*$/.exec(line) ?? [];
    const [, typed, type] = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|untyped)$/.exec(line) ?? [];
    if (helped) help = helped;
    else if (typed) {
      assertEquals([typed, metrics.has(typed)], [help, false], `${typed} has no help of its own, or comes twice`);
      metrics.set(name = typed, { name: typed, type, series: new Map() });
    } else {
      const [, series, labels, value] = sample.exec(line) ?? [];
      assert(series, `not a sample: ${line}`);
      const metric = metrics.get(name), suffix = series.slice(name.length);
      if (!metric) throw new Error(`${series} has no type`);
      const suffixes = metric.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      assert(series.startsWith(name) && suffixes.includes(suffix), `${series} stands behind the type of ${name}`);
      assert(!metric.series.has(suffix + labels), `${line} comes twice`);
      metric.series.set(suffix + labels, Number(value.replace("Inf", "Infinity")));
    }
  }
  for (const metric of metrics.values()) checkMetric(metric);
  return metrics;
}

function checkMetric({ name, type, series }: Metric): void {
  assertEquals(name.endsWith("_total"), type === "counter", `${name} is a ${type}`);
  const isReserved = /_(count|sum|bucket)$/.test(name);
  assert(!isReserved || type === "untyped", `${name} ends as only a part of a histogram may`);
  assert(!/(^|_)(milliseconds|ms|minutes|hours)(_|$)/.test(name), `${name} is not in a base unit`);
  if (type === "histogram") checkHistogram(name, series);
}

function checkHistogram(name: string, series: ReadonlyMap<string, number>): void {
  const buckets = Map.groupBy(
    [...series].filter(([rest]) => rest.startsWith("_bucket")),
    ([rest]) => rest.replace("_bucket", "").replace(/,?le="[^"]*"/, "").replace("{}", ""),
  );
  for (const [labels, rows] of buckets) {
    const bounds = rows.map(([rest]) => Number(/le="([^"]*)"/.exec(rest)?.[1].replace("+Inf", "Infinity")));
    const counts = rows.map(([, count]) => count);
    assertEquals([bounds, counts], [bounds.toSorted((a, b) => a - b), counts.toSorted((a, b) => a - b)], name);
    assertEquals([bounds.at(-1), series.get(`_count${labels}`)], [Infinity, counts.at(-1)], name);
    assert((series.get(`_sum${labels}`) ?? -1) >= 0, name);
  }
}

/** Asks `promtool` as well, where it is installed. */
export async function askPromtool(text: string): Promise<string | undefined> {
  try {
    const child = new Deno.Command("promtool", {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    return code === 0 ? said : `${said} (exit code ${code})`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
