import { join } from "node:path";
import { writeFile } from "node:fs/promises";

import { beforeAll, expect, it } from "vitest";

import type { ChainSeen, ObserveOptions } from "../../../src/probe/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { issue, look, openssl, read, scratch, value, withServer, type Issued } from "./support.ts";

const day = 86_400_000;

describeWith(["openssl"], "certificates and trust", () => {
  let folder: string;
  let root: Issued;
  let intermediate: Issued;
  let leaf: Issued;
  let rsaLeaf: Issued;
  let rootPem: string;

  beforeAll(async () => {
    folder = await scratch();
    root = await issue(folder, { name: "Test root", isCa: true });
    intermediate = await issue(folder, { name: "Test intermediate", isCa: true, issuer: root, key: "P-384" });
    const extensions = ["authorityInfoAccess=OCSP;URI:http://ocsp.example.org/a", "tlsfeature=status_request"];
    leaf = await issue(folder, { name: "localhost", issuer: intermediate, extensions });
    rsaLeaf = await issue(folder, { name: "rsa", issuer: root, key: "rsa:2048" });
    rootPem = await read(root.certificate);
  });

  /** The chains of a TLS 1.3 server with these arguments. */
  async function chains(argv: readonly string[], options: Partial<ObserveOptions> = {}): Promise<readonly ChainSeen[]> {
    return value((await withServer([...argv, "-www"], (port) => look(port, options))).certificates);
  }

  function serve(issued: Issued, chain?: Issued): string[] {
    return [
      "-cert",
      issued.certificate,
      "-key",
      issued.key,
      ...(chain === undefined ? [] : ["-cert_chain", chain.certificate]),
    ];
  }

  it("reads the chain and finds the anchor that the user gave", async () => {
    const [chain, ...others] = await chains(serve(leaf, intermediate), { ca: [rootPem] });
    expect(others).toEqual([]);
    expect(value(chain!.trust)).toEqual({ trusted: true, local: true, anchor: "CN=Test root", reason: null });
    expect([value(chain!.nameMatches), chain!.validNow, chain!.ordered, value(chain!.stapled), chain!.keyType]).toEqual(
      [true, true, true, false, "EC"],
    );
    expect(chain!.certificates.map(({ subject, issuer }) => [subject, issuer])).toEqual([
      ["CN=localhost", "CN=Test intermediate"],
      ["CN=Test intermediate", "CN=Test root"],
    ]);
    expect(chain!.certificates[0]).toMatchObject({
      names: ["localhost", "127.0.0.1"],
      key: { type: "EC", bits: 256, curve: "prime256v1", exponent: null },
      signature: "ecdsaWithSHA256",
      selfSigned: false,
      isCa: false,
      mustStaple: true,
      ocspUrls: ["http://ocsp.example.org/a"],
    });
    expect(value(chain!.leaf)).toEqual({
      policies: [],
      purposes: ["1.3.6.1.5.5.7.3.1"],
      weaknesses: { state: "untestable", why: "not applicable: no RSA key" },
    });
    expect(chain!.certificates[1]).toMatchObject({
      key: { curve: "secp384r1", bits: 384 },
      isCa: true,
      mustStaple: false,
    });
  });

  it("knows tlsforge's own CA as local, and public anchors as not", async () => {
    const [own] = await chains(serve(leaf, intermediate), { localCa: rootPem });
    expect(value(own!.trust)).toMatchObject({ trusted: true, local: true });
    const [open] = await chains(serve(leaf, intermediate), { systemCas: [rootPem] });
    expect(value(open!.trust)).toEqual({ trusted: true, local: false, anchor: "CN=Test root", reason: null });
  });

  it("does not trust without an anchor, without the intermediate, or what signs itself", async () => {
    const [unknown] = await chains(serve(leaf, intermediate));
    expect(value(unknown!.trust)).toMatchObject({
      trusted: false,
      local: false,
      reason: expect.stringContaining("no issuer found for CN=Test intermediate"),
    });
    const [gap] = await chains(serve(leaf), { ca: [rootPem] });
    expect(value(gap!.trust)).toMatchObject({
      trusted: false,
      reason: expect.stringContaining("no issuer found for CN=localhost (it names CN=Test intermediate)"),
    });
    expect([gap!.missingIssuer, unknown!.missingIssuer]).toEqual(["CN=Test intermediate", "CN=Test root"]);
    const [self] = await chains(serve(await issue(folder, { name: "self" })), { ca: [rootPem] });
    expect(value(self!.trust)).toMatchObject({ trusted: false, reason: "self-signed certificate" });
    expect(self!.missingIssuer).toBeNull();
  });

  it("does not take a certificate for a CA that is none, nor one for clients for a server's", async () => {
    const false2 = await issue(folder, { name: "by a leaf", issuer: rsaLeaf });
    const [byLeaf] = await chains(serve(false2, rsaLeaf), { ca: [rootPem] });
    expect(value(byLeaf!.trust)).toMatchObject({ trusted: false });
    const folderCopy = join(folder, "client.ext");
    await writeFile(folderCopy, "subjectAltName=DNS:localhost\nextendedKeyUsage=clientAuth\n");
    const request = join(folder, "client.csr");
    const certificate = join(folder, "client.pem");
    await openssl(["req", "-new", "-key", leaf.key, "-subj", "/CN=client", "-out", request]);
    await openssl([
      "x509",
      "-req",
      "-in",
      request,
      "-CA",
      root.certificate,
      "-CAkey",
      root.key,
      "-CAcreateserial",
      "-extfile",
      folderCopy,
      "-out",
      certificate,
    ]);
    const [client] = await chains(serve({ certificate, key: leaf.key }), { ca: [rootPem] });
    expect(value(client!.trust)).toMatchObject({ trusted: false, reason: "the certificate is not for server use" });
  });

  it("judges by the time it is given", async () => {
    const [late] = await chains(serve(leaf, intermediate), { ca: [rootPem], now: new Date(Date.now() + 40 * day) });
    expect([late!.validNow, value(late!.trust).trusted]).toEqual([false, false]);
    expect(value(late!.trust).reason).toContain("not valid now: CN=localhost");
    const [early] = await chains(serve(leaf, intermediate), { ca: [rootPem], now: new Date(Date.now() - day) });
    expect([early!.validNow, value(early!.trust).trusted]).toEqual([false, false]);
  });

  it("sees a name that does not match, and an address that does", async () => {
    const wrong = await withServer([...serve(leaf, intermediate), "-www"], (port) =>
      look(port, {}, { host: "example.org" }),
    );
    expect(value(value(wrong.certificates)[0]!.nameMatches)).toBe(false);
    const address = await withServer([...serve(leaf, intermediate), "-www"], (port) =>
      look(port, {}, { host: "127.0.0.1" }),
    );
    expect([address.target.serverName, value(value(address.certificates)[0]!.nameMatches)]).toEqual(["", true]);
  });

  it("sees a chain out of order", async () => {
    const joined = join(folder, "wrong-order.pem");
    await writeFile(joined, rootPem + (await read(intermediate.certificate)));
    const [chain] = await chains(serve(leaf, { certificate: joined, key: "" }), { ca: [rootPem] });
    expect([chain!.ordered, value(chain!.trust).trusted]).toEqual([false, true]);
  });

  it.each([
    ["TLS 1.3", "-tls1_3"],
    ["TLS 1.2", "-tls1_2"],
  ])("gets the certificates of both kinds of keys over %s", async (_name, version) => {
    const both = [...serve(rsaLeaf), "-dcert", leaf.certificate, "-dkey", leaf.key];
    const found = await chains([...both, version], { ca: [rootPem] });
    expect(found.map(({ keyType }) => keyType).toSorted()).toEqual(["EC", "RSA"]);
    expect(found.find(({ keyType }) => keyType === "RSA")!.certificates[0]!.key).toEqual({
      type: "RSA",
      bits: 2048,
      curve: null,
      exponent: "65537",
    });
  });

  it.each([["-tls1_3"], ["-tls1_2"]])("sees a stapled response with %s", async (version) => {
    const index = join(folder, "index.txt");
    const response = join(folder, "response.der");
    const serial = (await openssl(["x509", "-in", rsaLeaf.certificate, "-noout", "-serial"])).replace("serial=", "");
    await writeFile(index, `V\t301231000000Z\t\t${serial}\tunknown\t/CN=rsa\n`);
    const signer = ["-rsigner", root.certificate, "-rkey", root.key, "-CA", root.certificate];
    await openssl([
      "ocsp",
      "-index",
      index,
      ...signer,
      "-issuer",
      root.certificate,
      "-cert",
      rsaLeaf.certificate,
      "-ndays",
      "3",
      "-respout",
      response,
    ]);
    const [chain] = await chains([...serve(rsaLeaf), "-status_file", response, version], { ca: [rootPem] });
    expect(value(chain!.stapled)).toBe(true);
  });
});
