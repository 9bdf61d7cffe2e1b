/** Makes a private loader cache with whatever ldconfig is on PATH, to be killed meanwhile. */
import { detectPlatform, nodeHost } from "../../../src/host/index.ts";
import { privateCache } from "../../../src/host/loader/private-cache.ts";

await privateCache(
  nodeHost({
    platform: detectPlatform({ os: process.platform, arch: process.arch }),
    environment: process.env,
    uid: process.getuid?.() ?? -1,
    emit: () => undefined,
    interactive: false,
    allowSudo: false,
  }),
  ["/usr/lib"],
);
