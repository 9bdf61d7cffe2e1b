import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";

import { runProbes } from "../../../src/probe/graph.ts";
import type { FlawsSeen } from "../../../src/probe/flaws/index.ts";
import type { FlawName, FlawSeen, Outcome } from "../../../src/probe/index.ts";
import { createLook } from "../../../src/probe/look.ts";
import { allProbes } from "../../../src/probe/probes.ts";
import type { MockServer } from "./mock-server.ts";
import { issue, read, scratch } from "./support.ts";

/** What the flaw probes see at a port of this machine, and what they cost beyond the lists of suites. */
export async function flawsAt(port: number): Promise<FlawsSeen & { connections: number; milliseconds: number }> {
  const look = createLook(
    { host: "localhost", port, serverName: "localhost", address: "127.0.0.1" },
    {
      timeoutMs: 8000,
      totalMs: 50_000,
      budget: 400,
      now: new Date(),
      random: (length) => new Uint8Array(randomBytes(length)),
    },
  );
  const lists = allProbes.filter(({ gives }) => ["tls12", "tls11", "tls10", "ssl3"].includes(gives));
  const known = await runProbes(look, lists, { first: { kind: "closed" } });
  const [connections, began] = [look.tally.connections, performance.now()];
  const all = await runProbes(
    look,
    allProbes.filter(({ gives }) => gives === "flaws"),
    known,
  );
  return {
    ...all.flaws,
    connections: look.tally.connections - connections,
    milliseconds: performance.now() - began,
  };
}

/** Names of the flaws that are there, of those that are not, and why others are not known. */
export function sorted(flaws: Readonly<Record<FlawName, Outcome<FlawSeen>>>) {
  const entries = Object.entries(flaws) as [FlawName, Outcome<FlawSeen>][];
  const names = (isWanted: (outcome: Outcome<FlawSeen>) => boolean): FlawName[] =>
    entries.flatMap(([name, outcome]) => (isWanted(outcome) ? [name] : []));
  return {
    present: names((outcome) => outcome.state === "observed" && outcome.value.present),
    absent: names((outcome) => outcome.state === "observed" && !outcome.value.present),
    inapplicable: names((outcome) => outcome.state === "untestable" && outcome.why.startsWith("not applicable: ")),
    unknown: names(
      (outcome) =>
        outcome.state === "failed" || (outcome.state === "untestable" && !outcome.why.startsWith("not applicable: ")),
    ),
  };
}

/** A mock server with an RSA key: ECDHE with GCM unless told otherwise. */
export async function mockWithKey(): Promise<(changes?: Partial<MockServer>) => MockServer> {
  const issued = await issue(await scratch(), { name: "mock", key: "rsa:2048" });
  const key = createPrivateKey(await read(issued.key));
  const certificate = new Uint8Array(new X509Certificate(await read(issued.certificate)).raw);
  return (changes) => ({ key, certificate, suites: [0xc02f, 0xc030], ...changes });
}
