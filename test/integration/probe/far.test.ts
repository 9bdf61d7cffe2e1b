import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { createRecorder, type Observations, type Recorder } from "../../../src/probe/index.ts";
import { mockTls, withMock, type MockTls } from "./mock.ts";
import { withDelay } from "./relay.ts";
import { issue, look, read, scratch, withServer } from "./support.ts";

/** What must be the same however it was asked. */
function facts({ protocols, cipherSuites, groups, signatureSchemes, certificates }: Observations): object {
  return { protocols, cipherSuites, groups, signatureSchemes, certificates };
}

async function bothWays(port: number): Promise<{ near: Observations; far: Observations }> {
  return {
    near: await look(port, { isFar: false, timeoutMs: 1500 }),
    far: await look(port, { isFar: true, timeoutMs: 1500 }),
  };
}

const folder = await scratch();
const ecdsa = await issue(folder, { name: "ecdsa" });
const rsa = await issue(folder, { name: "rsa", key: "rsa:2048" });
/** With an answer to HTTP, which is waited for otherwise. */
const keys = (pair: typeof rsa): string[] => ["-www", "-cert", pair.certificate, "-key", pair.key];

describe("a server that is far away gives the same facts as one that is near", () => {
  it.each<[string, readonly string[]]>([
    ["as it comes, with ECDSA", keys(ecdsa)],
    ["its own order with ChaCha20 excepted", [...keys(ecdsa), "-serverpref", "-prioritize_chacha"]],
    [
      "an order that nobody guesses",
      [
        ...keys(rsa),
        "-serverpref",
        "-cipher",
        "AES128-SHA:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-CHACHA20-POLY1305:AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:CAMELLIA128-SHA",
        "-ciphersuites",
        "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384",
      ],
    ],
    ["TLS 1.2 only", [...keys(ecdsa), "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"]],
    ["TLS 1.3 only, one group", [...keys(ecdsa), "-tls1_3", "-groups", "P-256"]],
    ["old versions", [...keys(rsa), "-cipher", "ALL:@SECLEVEL=0", "-no_tls1_3", "-serverpref"]],
  ])("%s", async (_name, argv) => {
    const { near, far } = await withServer(argv, bothWays);
    expect(facts(far)).toEqual(facts(near));
  });

  it("of which one refuses by closing, and one takes rare suites alone", async () => {
    const closing: MockTls = {
      versions: [0x0303],
      suites: [0xc02f, 0x2f, 0x9c],
      refuse: (socket) => void socket.end(),
    };
    const rare: MockTls = { versions: [0x0303], suites: [0xc09d, 0xa8, 0x6d] };
    for (const server of [closing, rare]) {
      const { near, far } = await withMock(mockTls(server), bothWays);
      expect(far.cipherSuites).toEqual(near.cipherSuites);
      expect(far.cipherSuites["TLSv1.2"]?.state).toBe("observed");
    }
  });

  it("but silence in the middle of a burst is not taken for a refusal", async () => {
    const silent: MockTls = { versions: [0x0303], suites: [0xc02f, 0xc030], refuse: () => undefined };
    const far = await withMock(mockTls(silent), (port) => look(port, { isFar: true, timeoutMs: 300 }));
    expect(far.cipherSuites["TLSv1.2"]).toMatchObject({
      state: "failed",
      why: expect.stringContaining("no complete answer") as string,
    });
  });
});

it("few connections wait for another to end", async () => {
  const ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256";
  const options = { cert: await read(ecdsa.certificate), key: await read(ecdsa.key), ciphers };
  const server = createServer(options, (_request, response) => response.end("x"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const recorder = createRecorder();
  await withDelay({ port: (server.address() as AddressInfo).port, delayMs: 100 }, (port) =>
    look(port, { isFar: true, timeoutMs: 20_000, recorder }),
  );
  server.close();
  expect(chainOf(recorder.connections())).toBeLessThanOrEqual(8);
});

/** The most connections of which each began when the one before had ended: what is waited for, however slow the machine. */
function chainOf(connections: ReturnType<Recorder["connections"]>): number {
  let [count, end] = [0, -1];
  for (const { began, ended } of connections.toSorted((one, other) => one.ended - other.ended)) {
    if (began < end) continue;
    count++;
    end = ended;
  }
  return count;
}
