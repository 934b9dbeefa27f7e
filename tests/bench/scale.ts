/**
 * Measures a big fleet in virtual time and one big instance in real time, calculates from both what a million entries would be,
 * and prints a Markdown table.
 *
 * Usage: `deno task scale [--quick]`
 *
 * @module
 */

import { parseFlags } from "./flags.ts";
import { measureListing } from "./scale/listing.ts";
import { measureFleet, predict } from "./scale/measures.ts";
import { renderScale } from "./scale/report.ts";

const isQuick = parseFlags(Deno.args, ["quick"], []).has("quick");
const size = isQuick ? { instances: 16, entries: 10_000 } : { instances: 64, entries: 100_000 };
const million = 1_000_000;

const listing = await measureListing(size.entries); // before the fleet takes the memory
const fleet = await measureFleet(size);
console.log(renderScale(fleet, listing, [size.entries, million].map((entries) => predict(fleet, listing, entries))));
