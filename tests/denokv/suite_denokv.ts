/** The conformance suite of tables over the real self-hosted server. */

import { testRemoteTable } from "../kv_connect/remote_table_suite.ts";
import { Denokv } from "./server.ts";

testRemoteTable("KvTable in denokv that another client writes", () => Denokv.start());
