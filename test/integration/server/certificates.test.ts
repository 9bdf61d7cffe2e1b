import { X509Certificate } from "node:crypto";
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ensureCertificates, findCertificates } from "../../../src/server/index.ts";
import type { CertificateOptions, LocalCertificates, Run } from "../../../src/server/index.ts";
import { describeWith, which } from "../../tools/needs.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tlsforge-tls-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const day = 86_400_000;

const run: Run = ([program = "", ...argv], options) =>
  new Promise((resolve) => {
    execFile(program, argv, { env: { ...options?.environment } }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });

function ensure(more: Partial<CertificateOptions> = {}): Promise<LocalCertificates> {
  const openssl = which("openssl") ?? "";
  return ensureCertificates({ openssl, folder, names: ["www.example.org"], now: new Date(), run, ...more });
}

async function certificateOf(path: string | undefined): Promise<X509Certificate> {
  return new X509Certificate(await readFile(path ?? ""));
}

async function mode(path: string | undefined): Promise<number> {
  return (await stat(path ?? "")).mode & 0o777;
}

describeWith(["openssl"], "ensureCertificates", () => {
  it("makes an authority and a leaf below it", async () => {
    const made = await ensure();
    expect(made.issued).toBe("authority");
    const [pair] = made.certificates;
    const authority = await certificateOf(made.authority);
    const leaf = await certificateOf(pair?.chain);
    expect(authority.ca).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.checkIssued(authority) && leaf.verify(authority.publicKey)).toBe(true);
    expect(leaf.subjectAltName).toBe(
      "DNS:www.example.org, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
    );
    expect(leaf.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(leaf.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: "prime256v1" });
    expect(leaf.validToDate.getTime() - leaf.validFromDate.getTime()).toBeLessThan(90 * day);
    expect(made.notAfter).toBe(leaf.validToDate.toISOString());
    expect(await mode(pair?.key)).toBe(0o600);
    expect(await mode(join(folder, "ca", "key.pem"))).toBe(0o600);
    expect(await readdir(join(folder, "ca"))).toEqual(["cert.pem", "key.pem"]);
    const text = await run([which("openssl") ?? "", "x509", "-in", made.authority, "-noout", "-text"]);
    expect(text.stdout).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(text.stdout).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign/);
    expect(text.stdout).toContain("Subject Key Identifier");
    const verified = await run([
      which("openssl") ?? "",
      "verify",
      "-x509_strict",
      "-purpose",
      "sslserver",
      "-CAfile",
      made.authority,
      pair?.chain ?? "",
    ]);
    expect(verified.stdout).toContain(": OK");
  });

  it("keeps what is good", async () => {
    const first = await ensure();
    expect(await ensure()).toEqual({ ...first, issued: "none" });
    expect(await ensure({ now: new Date(Date.now() + 58 * day) })).toEqual({ ...first, issued: "none" });
  });

  it("makes a new leaf when two thirds of its life have passed, below the same authority", async () => {
    const first = await ensure();
    const second = await ensure({ now: new Date(Date.now() + 60 * day) });
    expect(second.issued).toBe("leaf");
    expect(second.authority).toBe(first.authority);
    expect(second.certificates).not.toEqual(first.certificates);
    await expect(stat(first.certificates[0]?.chain ?? "")).resolves.toBeDefined();
  });

  it("makes a new leaf when half of a life has passed that an authority at its end left short", async () => {
    const first = await ensure({ now: new Date(Date.now() + 3642 * day) });
    expect(await ensure({ now: new Date(Date.now() + 3 * day) })).toEqual({ ...first, issued: "none" });
    expect((await ensure({ now: new Date(Date.now() + 4.5 * day) })).issued).toBe("leaf");
  });

  it("makes a new leaf when the names have changed, and goes back to an earlier one that still fits", async () => {
    const first = await ensure();
    const second = await ensure({ names: ["other.example.org", "192.0.2.7"] });
    expect(second.issued).toBe("leaf");
    expect((await certificateOf(second.certificates[0]?.chain)).checkHost("other.example.org")).toBe(
      "other.example.org",
    );
    expect((await certificateOf(second.certificates[0]?.chain)).checkIP("192.0.2.7")).toBe("192.0.2.7");
    expect(await ensure()).toEqual({ ...first, issued: "none" });
  });

  it("keeps two leaves, not all", async () => {
    for (const name of ["a.example", "b.example", "c.example"]) await ensure({ names: [name] });
    expect((await readdir(folder)).filter((name) => name.startsWith("leaf-"))).toHaveLength(2);
  });

  it("clears away what an interrupted run left", async () => {
    await mkdir(join(folder, ".new-left"));
    await writeFile(join(folder, ".new-left", "key.pem"), "");
    await ensure();
    expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("leaves nothing behind when openssl fails, and tells what it said", async () => {
    const fail: Run = async (argv) =>
      argv[1] === "req" ? { exitCode: 1, stdout: "", stderr: "a\nno entropy\n" } : run(argv);
    const failure = await ensure({ run: fail }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "certificate-failed", details: ["a", "no entropy"] });
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([
    ["a key that is missing", async (at: string) => rm(join(at, "key.pem")), "key.pem is missing"],
    [
      "a certificate that is none",
      async (at: string) => writeFile(join(at, "cert.pem"), "none"),
      "is not a certificate in PEM form",
    ],
    [
      "a key that is none",
      async (at: string) => writeFile(join(at, "key.pem"), "none"),
      "is not a private key in PEM form",
    ],
    [
      "a key that others can read",
      async (at: string) => chmod(join(at, "key.pem"), 0o640),
      "can be read by others (mode 640)",
    ],
  ])("refuses %s, of the authority and of a leaf", async (_name, damage, message) => {
    const made = await ensure();
    const leaf = join(made.certificates[0]?.chain ?? "", "..");
    for (const place of [leaf, join(folder, "ca")]) {
      await cp(place, `${folder}.kept`, { recursive: true });
      await damage(place);
      await expect(ensure()).rejects.toMatchObject({
        code: "certificate-failed",
        message: expect.stringContaining(message),
        hint: expect.stringContaining(`remove ${place}`),
      });
      await rm(place, { recursive: true });
      await cp(`${folder}.kept`, place, { recursive: true });
      await rm(`${folder}.kept`, { recursive: true });
    }
    expect((await ensure()).issued).toBe("none");
  });

  it("issues one for each sort of key, each renewed when it has to be and kept when not", async () => {
    const both = { keys: ["P-256", "RSA-3072"] } as const;
    const made = await ensure(both);
    const leaves = await Promise.all(made.certificates.map(({ chain }) => certificateOf(chain)));
    expect(leaves.map(({ publicKey }) => publicKey.asymmetricKeyDetails)).toMatchObject([
      { namedCurve: "prime256v1" },
      { modulusLength: 3072 },
    ]);
    const authority = await certificateOf(made.authority);
    expect(leaves.every((leaf) => leaf.verify(authority.publicKey))).toBe(true);
    expect(await ensure(both)).toEqual({ ...made, issued: "none" });
    const now = new Date();
    expect(await findCertificates({ folder, names: ["www.example.org"], now, ...both })).toEqual({
      ...made,
      issued: "none",
    });
    await rm(dirname(made.certificates[1]?.chain ?? ""), { recursive: true });
    expect(await findCertificates({ folder, names: ["www.example.org"], now, ...both })).toBeNull();
    const again = await ensure(both);
    expect(again.issued).toBe("leaf");
    expect(again.certificates[0]).toEqual(made.certificates[0]);
    const renewed = await ensure({ ...both, now: new Date(Date.now() + 60 * day) });
    expect(renewed.certificates.some(({ chain }) => again.certificates.some((each) => each.chain === chain))).toBe(
      false,
    );
    const kept = (await readdir(folder)).filter((name) => name.startsWith("leaf-"));
    expect(kept.toSorted()).toEqual(
      [...again.certificates, ...renewed.certificates].map(({ chain }) => basename(dirname(chain))).toSorted(),
    );
  });

  it("refuses a key of another certificate", async () => {
    const made = await ensure();
    await cp(join(folder, "ca", "key.pem"), made.certificates[0]?.key ?? "");
    await expect(ensure()).rejects.toMatchObject({ message: expect.stringContaining("does not belong to") });
  });

  it("makes a new leaf when the authority was replaced", async () => {
    const first = await ensure();
    await rm(join(folder, "ca"), { recursive: true });
    const second = await ensure();
    expect(second.issued).toBe("authority");
    expect(second.certificates).not.toEqual(first.certificates);
  });

  it("refuses to serve from an authority that is of the future, as after a clock was set back", async () => {
    await ensure();
    await expect(ensure({ now: new Date(Date.now() - 2 * day) })).rejects.toMatchObject({
      code: "certificate-failed",
      message: expect.stringContaining("is not valid before"),
      hint: expect.stringMatching(/^set the clock right; if it is right now, /u),
    });
  });

  it("refuses an authority at its end, and one that is none", async () => {
    const made = await ensure();
    await expect(ensure({ now: new Date(Date.now() + 3650 * day) })).rejects.toMatchObject({
      code: "certificate-failed",
      message: expect.stringContaining("ends at"),
    });
    await rm(join(folder, "ca"), { recursive: true });
    await cp(join(made.certificates[0]?.chain ?? "", ".."), join(folder, "ca"), { recursive: true });
    await expect(ensure()).rejects.toMatchObject({
      message: expect.stringContaining("is not the certificate of an authority"),
    });
  });

  it("refuses a name that is none before anything is made", async () => {
    await expect(ensure({ names: ["a\nb"] })).rejects.toMatchObject({ code: "site-invalid" });
    expect(await readdir(folder)).toEqual([]);
  });

  it("tells a folder that cannot be written", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(ensure({ folder: join(folder, "file", "tls") })).rejects.toMatchObject({ code: "prefix-unusable" });
  });
});
