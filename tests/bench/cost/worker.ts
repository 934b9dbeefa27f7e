/**
 * Measures fleets in a thread of its own.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { measureEvents, measureRest } from "./measures.ts";
import type { Assignment, Measured } from "./report.ts";

self.onmessage = async ({ data }: MessageEvent<Assignment>) => {
  const { scene, periods, hasEvents } = data;
  const rest = await measureRest(scene, periods);
  const measured: Measured = { ...data, rest, events: hasEvents ? await measureEvents(scene) : undefined };
  self.postMessage(measured);
};
