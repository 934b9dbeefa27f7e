import { testRemoteTable } from "./remote_table_suite.ts";
import { KvConnectServer } from "./server.ts";

testRemoteTable("KvTable in a remote database that another client writes", () => KvConnectServer.start());
