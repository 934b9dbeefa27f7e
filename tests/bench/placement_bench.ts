import { place, slotOf } from "../../src/cluster/placement.ts";

const tenants = Array.from({ length: 1_024 }, (_, index) => `tenant-${index}`);
const uuids = tenants.map(() => crypto.randomUUID());
const sessions = uuids.slice(0, 16);
let turn = 0;

Deno.bench("slotOf() of a short string", () => {
  slotOf(tenants[turn++ & 1_023], 256);
});

Deno.bench("slotOf() of a UUID", () => {
  slotOf(uuids[turn++ & 1_023], 256);
});

Deno.bench("slotOf() of a whole number", () => {
  slotOf(turn++, 256);
});

Deno.bench("place() of 256 slots over 16 sessions", () => {
  place(sessions, 256);
});
