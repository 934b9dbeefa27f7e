/**
 * The library as it is, to be simulated.
 *
 * @module
 */

import { chain, Supervisor } from "@pact/supervisor";
import { Cluster } from "@pact/supervisor/cluster";
import { KvTable } from "@pact/supervisor/kv";
import type { Library } from "./instance.ts";

export const library: Library = { chain, Cluster, KvTable, Supervisor };
