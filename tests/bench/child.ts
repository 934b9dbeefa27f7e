/**
 * Measures one section of one subject in an OS process of its own and prints what it found as one line of JSON.
 *
 * Before it is measured, a section is run three times at a smaller size, so that the code of every subject is compiled to
 * the same degree, and the garbage is collected; sections collect it again before every part that they measure.
 *
 * A short section is measured several times; the medians are printed.
 *
 * Usage: `deno run … child.ts <subject> <section> <size> <size of the warm-up> <times>`
 *
 * @module
 */

import { median } from "./report.ts";
import { collectGarbage } from "./subjects/gauge.ts";
import { type Measures, NotInstalledError, type Subject } from "./subjects/subject.ts";

const warmUps = 3;

/** Every subject that is a program in Deno; a module is loaded only when its subject is measured. */
const subjects: Readonly<Record<string, () => Promise<Subject>>> = {
  ours: async () => (await import("./subjects/ours.ts")).subject,
  oursCrash: async () => (await import("./subjects/ours_crash.ts")).subject,
  oursFence: async () => (await import("./subjects/ours_fence.ts")).subject,
  oursIdle: async () => (await import("./subjects/ours_idle.ts")).subject,
  oursKv: async () => (await import("./subjects/kv.ts")).ours,
  oursKvLatency: async () => (await import("./subjects/kv_latency.ts")).subject,
  oursOtel: async () => (await import("./subjects/ours_otel.ts")).subject,
  floor: async () => (await import("./subjects/floor.ts")).subject,
  bareKv: async () => (await import("./subjects/kv.ts")).bare,
  effect: async () => (await import("./subjects/effect.ts")).subject,
  xstate: async () => (await import("./subjects/xstate.ts")).subject,
  startUp: async () => (await import("./subjects/start_up.ts")).subject,
};

const [name, section, size, warmSize, times] = Deno.args;
try {
  const measure = (await subjects[name]())[section];
  for (let i = 0; i < warmUps; i++) await measure(Number(warmSize));
  const found: Measures[] = [];
  for (let i = 0; i < Number(times); i++) {
    await collectGarbage();
    found.push(await measure(Number(size)));
  }
  const measures = Object.keys(found[0]).map((key) => [key, median(found.map((each) => each[key]))]);
  console.log(JSON.stringify(Object.fromEntries(measures)));
} catch (error) {
  if (!(error instanceof NotInstalledError)) throw error;
  console.log(JSON.stringify({ notInstalled: error.message }));
}
