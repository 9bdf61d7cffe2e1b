import { once } from "node:events";
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";

import { beforeAll, expect, it } from "vitest";

import { describeWith } from "../../tools/needs.ts";
import { issue, look, read, scratch, suiteNames, value } from "./support.ts";

describeWith(["openssl"], "observe, against Node's own TLS, which has the hybrid groups", () => {
  let options: ServerOptions;

  beforeAll(async () => {
    const folder = await scratch();
    const [rsa, ecdsa] = await Promise.all([
      issue(folder, { name: "localhost", key: "rsa:2048" }),
      issue(folder, { name: "localhost" }),
    ]);
    options = {
      cert: await Promise.all([read(ecdsa.certificate), read(rsa.certificate)]),
      key: await Promise.all([read(ecdsa.key), read(rsa.key)]),
      honorCipherOrder: true,
    };
  });

  /** Runs `use` beside an HTTPS server with these settings. */
  async function withNode<T>(settings: ServerOptions, use: (port: number) => Promise<T>): Promise<T> {
    const server = createServer({ ...options, ...settings }, (_request, response) => {
      response.setHeader("Strict-Transport-Security", "max-age=63072000; includeSubDomains");
      response.end("hello");
    });
    server.on("tlsClientError", () => {});
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      return await use((server.address() as AddressInfo).port);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it("sees the post-quantum groups, the one that is negotiated, HSTS, both certificates", async () => {
    const groups = "X25519MLKEM768:SecP256r1MLKEM768:SecP384r1MLKEM1024:X25519:P-256:P-384";
    const ciphers =
      "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
    const seen = await withNode(
      { ecdhCurve: groups, ciphers, minVersion: "TLSv1.2", ALPNProtocols: ["http/1.1"] },
      (port) => look(port),
    );
    expect(value(seen.groups)).toMatchObject({ order: "server", negotiated: "X25519MLKEM768" });
    expect(value(seen.groups).groups.map(({ name }) => name)).toEqual(groups.split(":"));
    expect(value(seen.groups).groups.map(({ postQuantum }) => postQuantum)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(suiteNames(seen, "TLSv1.3")).toEqual(["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"]);
    expect(value(seen.http).hsts).toMatchObject({
      present: true,
      maxAge: 63072000,
      includeSubdomains: true,
      problems: [],
    });
    expect(
      value(seen.certificates)
        .map(({ keyType }) => keyType)
        .toSorted(),
    ).toEqual(["EC", "RSA"]);
    expect(seen.connections).toBeLessThan(70);
  });

  it("says that no hybrid is there where none is", async () => {
    const seen = await withNode({ ecdhCurve: "X25519:P-256" }, (port) => look(port));
    expect(value(seen.groups)).toMatchObject({ negotiated: "X25519" });
    expect(value(seen.groups).groups.some(({ postQuantum }) => postQuantum)).toBe(false);
  });

  it.each(["X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "MLKEM768"])(
    "completes a handshake with %s alone",
    async (group) => {
      const seen = await withNode({ ecdhCurve: group, minVersion: "TLSv1.3" }, (port) => look(port));
      expect(value(seen.groups).groups.map(({ name }) => name)).toEqual([group]);
      expect(value(seen.http).status).toBe(200);
    },
  );
});
