import { randomBytes } from "node:crypto";

import { observe, type Observations } from "../../../src/probe/index.ts";

/** Looks at a port of this machine as `localhost`, with no public anchors. */
export function lookAt(port: number): Promise<Observations> {
  return observe(
    { host: "localhost", port, address: "127.0.0.1" },
    {
      now: new Date(),
      random: (length) => new Uint8Array(randomBytes(length)),
      // A busy machine must not turn an answer into silence.
      timeoutMs: 10_000,
      systemCas: [],
    },
  );
}
