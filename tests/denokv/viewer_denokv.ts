/** The viewer on the real self-hosted server. */

import { viewerTests } from "../inspect/viewer_tests.ts";
import { Denokv } from "./server.ts";

viewerTests("denokv", async () => {
  const server = await Denokv.start();
  const kv = await server.open(); // and leaves its token in the environment
  return {
    path: server.url,
    kv,
    async [Symbol.asyncDispose]() {
      kv.close();
      await server[Symbol.asyncDispose]();
    },
  };
});
