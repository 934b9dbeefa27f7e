/**
 * Measures one section of one subject in an OS process of its own and prints what it found as one line of JSON.
 *
 * Before it is measured, a section is run three times at a smaller size, so that the code of every subject is compiled to
 * the same degree, and the garbage is collected; sections collect it again before every part that they measure.
 *
 * Usage: `deno run … child.ts <subject> <section> <size> <size of the warm-up>`
 *
 * @module
 */

import { collectGarbage } from "./subjects/gauge.ts";
import { NotInstalledError, type Subject } from "./subjects/subject.ts";

const warmUps = 3;

/** Every subject that is a program in Deno; a module is loaded only when its subject is measured. */
const subjects: Readonly<Record<string, () => Promise<Subject>>> = {
  ours: async () => (await import("./subjects/ours.ts")).subject,
  oursCrash: async () => (await import("./subjects/ours_crash.ts")).subject,
  oursIdle: async () => (await import("./subjects/ours_idle.ts")).subject,
  oursKv: async () => (await import("./subjects/kv.ts")).ours,
  oursKvLatency: async () => (await import("./subjects/kv_latency.ts")).subject,
  floor: async () => (await import("./subjects/floor.ts")).subject,
  bareKv: async () => (await import("./subjects/kv.ts")).bare,
  effect: async () => (await import("./subjects/effect.ts")).subject,
  xstate: async () => (await import("./subjects/xstate.ts")).subject,
  startUp: async () => (await import("./subjects/start_up.ts")).subject,
};

const [name, section, size, warmSize] = Deno.args;
try {
  const measure = (await subjects[name]())[section];
  for (let i = 0; i < warmUps; i++) await measure(Number(warmSize));
  await collectGarbage();
  console.log(JSON.stringify(await measure(Number(size))));
} catch (error) {
  if (!(error instanceof NotInstalledError)) throw error;
  console.log(JSON.stringify({ notInstalled: error.message }));
}
