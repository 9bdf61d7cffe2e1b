import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { beforeAll, expect, it } from "vitest";

import { readStaple } from "../../../src/probe/certificates/staple.ts";
import { concat, uint, vector } from "../../../src/wire/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { issue, look, openssl, read, scratch, value, withServer, type Issued } from "./support.ts";

const day = 86_400_000;

describeWith(["openssl"], "stapled responses, made with OpenSSL's responder", () => {
  let folder: string;
  let root: Issued;
  let leaf: Issued;
  let other: Issued;
  let responder: Issued;
  let good: Uint8Array;

  beforeAll(async () => {
    folder = await scratch();
    root = await issue(folder, { name: "Staple root", isCa: true });
    [leaf, other, responder] = await Promise.all([
      issue(folder, { name: "localhost", issuer: root }),
      issue(folder, { name: "other", issuer: root, key: "rsa:2048" }),
      issue(folder, { name: "responder", issuer: root, isCa: true, extensions: ["extendedKeyUsage=OCSPSigning"] }),
    ]);
    good = await respond("good", { signer: root });
  });

  /** A response about `about`, the leaf by default, of three days. */
  async function respond(
    name: string,
    of: { signer: Issued; about?: Issued; revoked?: boolean; arguments?: readonly string[] },
  ): Promise<Uint8Array> {
    const [index, out] = [join(folder, `${name}.txt`), join(folder, `${name}.der`)];
    const { certificate } = of.about ?? leaf;
    const serial = (await openssl(["x509", "-in", certificate, "-noout", "-serial"])).replace("serial=", "");
    const state = of.revoked === true ? "R\t301231000000Z\t250101000000Z" : "V\t301231000000Z\t";
    await writeFile(index, `${state}\t${serial}\tunknown\t/CN=x\n`);
    const signer = ["-rsigner", of.signer.certificate, "-rkey", of.signer.key, "-CA", root.certificate];
    const asked = ["-issuer", root.certificate, ...(of.arguments ?? []), "-cert", certificate];
    await openssl(["ocsp", "-index", index, ...signer, ...asked, "-ndays", "3", "-respout", out]);
    return new Uint8Array(await readFile(out));
  }

  async function judged(response: Uint8Array, now = new Date()) {
    const [own, issuer] = await Promise.all([read(leaf.certificate), read(root.certificate)]);
    return readStaple(response, { leaf: new X509Certificate(own), issuer: new X509Certificate(issuer), now }).staple;
  }

  it("hold when the issuer signed them, by any hash of certID", async () => {
    const seen = { status: "good", nextUpdate: expect.stringMatching(/^20/), problems: [] };
    expect(value(await judged(good))).toMatchObject(seen);
    expect(value(await judged(await respond("sha256", { signer: root, arguments: ["-sha256"] })))).toMatchObject(seen);
  });

  it("hold when a responder signed them that the issuer certified for it, named either way", async () => {
    for (const extra of [[], ["-resp_key_id"]]) {
      const response = await respond(`delegated${extra.length}`, { signer: responder, arguments: extra });
      expect(value(await judged(response))).toMatchObject({ status: "good", problems: [] });
    }
  });

  it("say that a certificate is revoked", async () => {
    expect(value(await judged(await respond("revoked", { signer: root, revoked: true })))).toMatchObject({
      status: "revoked",
      problems: [],
    });
  });

  it("do not hold from a signer that is not for it", async () => {
    expect(value(await judged(await respond("unfit", { signer: other }))).problems).toEqual([
      "the certificate of its responder is not for signing OCSP responses",
    ]);
    const stranger = await issue(folder, {
      name: "stranger",
      isCa: true,
      extensions: ["extendedKeyUsage=OCSPSigning"],
    });
    expect(value(await judged(await respond("stranger", { signer: stranger }))).problems).toEqual([
      "its responder was not certified by the issuer of the certificate",
    ]);
    expect(
      value(await judged(await respond("bare", { signer: responder, arguments: ["-resp_no_certs"] }))).problems,
    ).toEqual(["the certificate of its responder is not in it"]);
  });

  it("do not hold for another certificate, at another time, or when they were changed", async () => {
    const wrong = await respond("wrong", { signer: root, about: other });
    expect(value(await judged(wrong))).toMatchObject({
      status: "unknown",
      problems: ["it is about another certificate"],
    });
    expect(value(await judged(good, new Date(Date.now() + 4 * day))).problems).toEqual(["it is out of date"]);
    expect(value(await judged(good, new Date(Date.now() - day))).problems).toEqual(["it is from the future"]);
    const changed = Uint8Array.from(good);
    // The date of production stands in the signed part, and is not looked at otherwise.
    const at = Buffer.from(changed).indexOf("Z", Buffer.from(changed).indexOf(Buffer.of(0x18, 0x0f)));
    changed[at - 1] = changed[at - 1] === 0x30 ? 0x31 : 0x30;
    expect(value(await judged(changed)).problems).toEqual(["its signature does not verify"]);
  });

  it("are not judged without the issuer, when the responder failed, or when they cannot be read", async () => {
    const own = new X509Certificate(await read(leaf.certificate));
    expect(readStaple(good, { leaf: own, issuer: undefined, now: new Date() }).staple).toMatchObject({
      state: "untestable",
    });
    expect(await judged(Uint8Array.of(0x30, 3, 0x0a, 1, 3))).toEqual({
      state: "failed",
      why: "the response says tryLater",
    });
    expect(await judged(good.subarray(0, 60))).toMatchObject({
      state: "failed",
      why: expect.stringContaining("the stapled response cannot be read: ") as string,
    });
  });

  it.each([["-tls1_2"], ["-tls1_3"]])("are seen and judged with %s", async (version) => {
    const own = ["-cert", leaf.certificate, "-key", leaf.key, "-www", "-cipher", "ECDHE+AESGCM", version];
    const ca = [await read(root.certificate)];
    const chainOf = async (argv: readonly string[]) =>
      value((await withServer([...own, ...argv], (port) => look(port, { ca }))).certificates)[0]!;
    expect(await chainOf(["-status_file", join(folder, "good.der")])).toMatchObject({
      stapled: { value: true },
      staple: { state: "observed", value: { status: "good", problems: [] } },
      missingIssuer: null,
    });
    const later = join(folder, "later.der");
    await writeFile(later, Uint8Array.of(0x30, 3, 0x0a, 1, 3));
    expect(await chainOf(["-status_file", later])).toMatchObject({
      stapled: { value: true },
      staple: { state: "failed", why: "the response says tryLater" },
    });
    expect((await chainOf([])).staple).toEqual({ state: "untestable", why: "no response was stapled" });
  });

  it.each([["-tls1_2"], ["-tls1_3"]])("stand beside timestamps of the handshake, seen with %s", async (version) => {
    // One timestamp of a log that does not exist, as an extension for the ServerHello and the Certificate message.
    const timestamp = concat(Uint8Array.of(0), new Uint8Array(32).fill(7), uint(4, 400), uint(4, 0), uint(2, 0));
    const list = vector(2, vector(2, timestamp, uint(2, 0x0403), vector(2, new Uint8Array(8))));
    const extension = Buffer.from(concat(uint(4, 0x11c0), uint(2, 18), vector(2, list))).toString("base64");
    const file = join(folder, "serverinfo.pem");
    await writeFile(file, `-----BEGIN SERVERINFOV2 FOR SCT-----\n${extension}\n-----END SERVERINFOV2 FOR SCT-----\n`);
    const own = ["-cert", leaf.certificate, "-key", leaf.key, "-www", "-cipher", "ECDHE+AESGCM", version];
    const seen = await withServer([...own, "-serverinfo", file], (port) => look(port));
    expect(value(seen.certificates)[0]!.timestamps).toEqual([
      {
        logId: "07".repeat(32),
        log: null,
        time: new Date(400 * 2 ** 32).toISOString(),
        source: "handshake",
        valid: { state: "untestable", why: "the log is not on our list" },
      },
    ]);
  });
});
