/** A cluster on the real self-hosted server. */

import { remoteClusterTests } from "../cluster/remote_tests.ts";
import { sized } from "../size.ts";
import { Denokv } from "./server.ts";

remoteClusterTests({
  name: "denokv",
  start: () => Denokv.start(),
  absences: {
    killed: { begin: (server) => server.stop(), end: (server) => server.restart() },
    frozen: { begin: (server) => server.freeze(), end: (server) => server.thaw() },
  },
  absentMs: sized({ short: 4_000, full: 10_000 }),
});
