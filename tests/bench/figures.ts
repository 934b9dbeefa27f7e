/**
 * The figures in memory and their targets.
 *
 * @module
 */

import { type Group, type Other, probe, read, type Scale, shown, value, versus } from "./group.ts";
import type { Probe } from "./rounds.ts";

/** Ratios to the floor that starts and stops may come to. */
interface Targets {
  readonly start: number;
  readonly stop?: number;
}

function startsAndStops(scale: Scale, section: "mass" | "single", size: number, atMost: Targets): Group {
  const how = section === "mass" ? "all at once" : "one by one";
  const ours = probe("ours", section, size);
  const floor = probe("floor", section, size);
  const otp = probe("otp", section, size);
  const effect = probe("effect", section, size);
  const xstate = probe("xstate", section, size);
  const peers = (others: Other[]) => scale.isFull ? others : [];
  const figures = [
    ...versus(`start, ${how}`, read(ours, "startUs"), [
      { name: "floor-map", from: floor, atMost: atMost.start },
      ...peers([
        { name: "OTP start_child", from: otp, atMost: 0.8 },
        { name: "effect FiberMap", from: effect, atMost: 0.65 },
        { name: "xstate", from: xstate },
      ]),
    ]),
    ...versus(`stop, ${how}`, read(ours, "stopUs"), [
      { name: "floor-map", from: floor, atMost: atMost.stop },
      ...peers([
        { name: "OTP", from: otp, atMost: 0.4 },
        { name: "effect FiberMap", from: effect, atMost: 0.25 },
        { name: "xstate", from: xstate, atMost: 0.25 },
      ]),
    ]),
  ];
  if (section === "mass") figures.push(...heap(ours, floor, peers([{ name: "OTP", from: otp, atMost: 0.7 }])));
  return { title: `start and stop ${how} at ${shown(size)}`, figures };
}

function heap(ours: Probe, floor: Probe, peers: Other[]) {
  const others = [{ name: "floor-map", from: floor, atMost: 1.25 }, ...peers];
  const inAll = others.map((other) => ({ ...other, atMost: undefined, measure: "heapB" }));
  return [
    ...versus("live heap per process", read(ours, "heapB"), others),
    ...versus("the same with its entry in MapTable", read(ours, "heapAndTableB"), inAll),
    value("heap left per process after stop", read(ours, "leftB"), 16),
  ];
}

function growth(): Group {
  const [from, large] = [probe("ours", "mass", 100_000), probe("ours", "mass", 1_000_000)];
  const figures = versus("growth: start, all at once", read(large, "startUs"), [{
    name: "at 100 k",
    from,
    atMost: 1.5,
  }]);
  return { title: "growth", figures };
}

function crashesOfMany(scale: Scale): Group {
  const [many, few] = [probe("oursCrash", "crashMany", 10_000), probe("oursCrash", "crashMany", 1_000)];
  const name = "crash to replacement, all at once";
  const others = (from: Probe, atMost?: { floor: number; otp: number }): Other[] => [
    { name: "crash floor", from: { ...from, subject: "floor" }, atMost: atMost?.floor },
    ...(scale.isFull ? [{ name: "OTP", from: { ...from, subject: "otp" }, atMost: atMost?.otp }] : []),
  ];
  const figures = [
    ...versus(name, read(many, "crashUs"), others(many, { floor: 1.8, otp: 0.2 })),
    ...versus(name, read(few, "crashUs"), others(few)),
    ...versus(`${name}, growth`, read(many, "crashUs"), [{ name: "at 1 k", from: few, atMost: 1.3 }]),
    // No target: what the processes themselves do between the crash of the first and of the last is one turn of the loop.
    ...versus("timer gap while all crash at once", read(many, "timerMs"), [
      { name: "crash floor", from: { ...many, subject: "floor" } },
    ], "value"),
  ];
  return { title: "crashes of many", figures };
}

function crashesOfOne(scale: Scale): Group {
  const ours = probe("oursCrash", "crashOne", 100_000 / scale.divisor);
  const figures = [
    ...versus("crash to replacement, one key again and again", read(ours, "crashUs"), [
      { name: "crash floor", from: { ...ours, subject: "floor" }, atMost: 1.4 },
      ...(scale.isFull ? [{ name: "OTP", from: { ...ours, subject: "otp" }, atMost: 0.2 }] : []),
    ]),
    value("timer gap while one crashes again and again", read(ours, "timerMs"), 25),
  ];
  return { title: "crashes of one", figures };
}

function backoff(size: number): Group {
  const [retrying, from] = [probe("oursCrash", "retrying", size), probe("oursCrash", "parked", size)];
  const above = (name: string, measure: string, atMost: number) =>
    versus(name, read(retrying, measure), [{ name: "parked", from, atMost }], "difference");
  const figures = [
    ...above("heap in back-off above parked", "heapB", 150),
    ...above("timers in back-off above parked", "timers", 1),
  ];
  return { title: "back-off", figures };
}

function lookups(size: number): Group {
  const [ours, from] = [probe("oursIdle", "lookups", size), probe("floor", "lookups", size)];
  const figures = [
    ...versus("get", read(ours, "getUs"), [{ name: "Map.get", from, atMost: 2 }]),
    ...versus("keys()", read(ours, "keysUs"), [{ name: "Map.keys", from, atMost: 2 }]),
  ];
  return { title: "look-ups", figures };
}

function reconcile(size: number): Group {
  const ours = probe("oursIdle", "reconcile", size);
  const figures = versus("reconcile with nothing to do", read(ours, "passUs"), [
    { name: "iterating a Map", from: probe("floor", "iterate", size), atMost: 3 },
    { name: "for await over MapTable", from: ours, measure: "tableUs" },
  ]);
  return { title: "reconcile with nothing to do", figures };
}

function gaps(size: number): Group {
  const from = probe("ours", "gaps", size);
  const gap = (name: string, measure: string) =>
    versus(name, read(from, measure), [{ name: "when idle", from, measure: "quietMs", atMost: 25 }], "value");
  const figures = [
    ...gap("longest event-loop gap: start", "startMs"),
    ...gap("longest event-loop gap: reconcile", "reconcileMs"),
    ...gap("longest event-loop gap: stop", "stopMs"),
  ];
  return { title: "event loop", figures };
}

function fence(size: number): Group {
  const figures = ["plain", "leaf"].flatMap((kind) => {
    const ours = probe("oursFence", kind, size);
    return [
      value(`abort of a slot's processes, ${kind}`, read(ours, "abortUs"), 3),
      value(`longest event-loop gap: all slots are lost, ${kind}`, read(ours, "gapMs"), 25),
    ];
  });
  return { title: "leases that are lost", figures };
}

/** Lists every figure in memory. */
export function figuresInMemory(scale: Scale): Group[] {
  const [large, small] = [100_000 / scale.divisor, 10_000];
  // The fewer there are the less their memory weighs, which costs the floor as much as it costs ours.
  const [atLarge, atSmall] = [large > small ? 1.5 : 1.8, 1.8];
  return [
    startsAndStops(scale, "mass", large, { start: atLarge, stop: 1.25 }),
    startsAndStops(scale, "single", large, { start: atLarge, stop: 1.6 }),
    ...(scale.isFull
      ? [
        startsAndStops(scale, "mass", small, { start: atSmall }),
        startsAndStops(scale, "single", small, { start: atSmall }),
        growth(),
      ]
      : []),
    crashesOfMany(scale),
    crashesOfOne(scale),
    backoff(large),
    lookups(large),
    reconcile(large),
    gaps(large),
    fence(large),
  ];
}
