/** What a stop does to `main` in each phase of a start-up, seen from inside: nothing waits for a budget. */

import { assertEquals } from "@std/assert";
import { chain, leaf, main, MapTable, nop, parallel, type Runnable, sequential, startStop, Supervisor } from "../../mod.ts";
import { Cluster } from "../../src/cluster/mod.ts";
import { KvTable } from "../../src/kv/mod.ts";
import { FaultyKv, hang } from "../../src/testing/mod.ts";
