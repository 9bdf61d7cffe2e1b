/** Certificates with their keys, found in folders laid out as people and their programs do it. */
import { appendFile, chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { certificatesIn, policyFor, unfit } from "../../../src/server/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { issue, openssl, read, type Issued } from "../probe/support.ts";

let made = "";
let folder = "";
let authority: Issued;
let rsa: Issued;
let ecdsa: Issued;
let other: Issued;

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), "tlsforge-pairs-"));
  authority = await issue(made, { name: "authority", isCa: true });
  const leaf = (name: string, more: Partial<Parameters<typeof issue>[1]> = {}): Promise<Issued> =>
    issue(made, { name, issuer: authority, ...more });
  rsa = await leaf("one", { key: "rsa:2048" });
  ecdsa = await leaf("one");
  other = await leaf("two", { extensions: ["subjectAltName=DNS:two.example"] });
});

afterAll(() => rm(made, { recursive: true, force: true }));

beforeEach(async () => {
  const fresh = await mkdtemp(join(tmpdir(), "tlsforge-pairs-"));
  onTestFinished(() => rm(fresh, { recursive: true, force: true }));
  folder = fresh;
});

/** Puts a file there, with the texts of others one after another. */
async function put(name: string, ...from: readonly string[]): Promise<string> {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, "", { mode: 0o600 });
  for (const each of from) await appendFile(file, await read(each));
  return file;
}

/** What is found, by names below the folder. */
async function found(): Promise<{ readonly pairs: readonly string[]; readonly notes: readonly string[] }> {
  const { pairs, notes } = await certificatesIn(folder);
  const bare = (text: string): string => text.replaceAll(`${folder}/`, "");
  return { pairs: pairs.map(({ chain, key }) => bare(`${chain} ${key}`)), notes: notes.map(bare) };
}

describeWith(["openssl"], "certificates of a folder", () => {
  test("are pairs by hand, RSA beside ECDSA, in the order of their names; what else lies there is told", async () => {
    await put("site.rsa.crt", rsa.certificate, authority.certificate);
    await put("site.rsa.key", rsa.key);
    await put("site.pem", ecdsa.certificate);
    await put("elsewhere.key", ecdsa.key);
    await put("zwei.cer", other.certificate);
    await put("zwei.key", other.key);
    await put("notes.txt");
    await put("dh.pem");
    await put("ca.pem", authority.certificate);
    expect(await found()).toEqual({
      pairs: ["site.pem elsewhere.key", "site.rsa.crt site.rsa.key", "zwei.cer zwei.key"],
      notes: ["dh.pem is ignored: it holds nothing in PEM form"],
    });
    expect((await certificatesIn(folder)).sorts).toEqual(new Set(["rsa", "ec"]));
  });

  test("are certbot's, behind its links and with the whole chain, from its own folder or one name's", async () => {
    for (const [name, from] of [
      ["one.example", ecdsa],
      ["two.example", other],
    ] as const) {
      await put(`archive/${name}/cert1.pem`, from.certificate);
      await put(`archive/${name}/chain1.pem`, authority.certificate);
      await put(`archive/${name}/fullchain1.pem`, from.certificate, authority.certificate);
      await put(`archive/${name}/privkey1.pem`, from.key);
      await mkdir(join(folder, "live", name), { recursive: true });
      for (const file of ["cert", "chain", "fullchain", "privkey"])
        await symlink(`../../archive/${name}/${file}1.pem`, join(folder, "live", name, `${file}.pem`));
    }
    const pair = (name: string, at = ""): string => `${at}${name}/fullchain.pem ${at}${name}/privkey.pem`;
    const both = ["one.example", "two.example"];
    expect(await found()).toEqual({ pairs: both.map((name) => pair(name, "live/")), notes: [] });
    folder = join(folder, "live");
    expect(await found()).toEqual({ pairs: both.map((name) => pair(name)), notes: [] });
    folder = join(folder, "two.example");
    expect(await found()).toEqual({ pairs: ["fullchain.pem privkey.pem"], notes: [] });
  });

  test("are lego's", async () => {
    await put("certificates/one.example.crt", ecdsa.certificate, authority.certificate);
    await put("certificates/one.example.issuer.crt", authority.certificate);
    await put("certificates/one.example.key", ecdsa.key);
    expect(await found()).toEqual({
      pairs: ["certificates/one.example.crt certificates/one.example.key"],
      notes: [],
    });
  });

  test("may stand in one file with their keys, in any order", async () => {
    await put("all.pem", ecdsa.key, authority.certificate, ecdsa.certificate);
    expect(await found()).toEqual({ pairs: ["all.pem all.pem"], notes: [] });
    await put("rsa.pem", rsa.certificate, authority.certificate, rsa.key);
    const { leaves } = await certificatesIn(folder);
    expect(leaves).toHaveLength(2);
    expect(unfit(leaves, policyFor("intermediate"))).toBeNull();
    const soon = new Date(Date.now() + 800 * 86_400_000);
    expect(unfit(leaves, policyFor("intermediate"), soon)?.problem).toMatch(/CN=authority of the chain expired at /);
  });

  test("are the newest of those for the same names; authorities and what lacks its other half are not served", async () => {
    await put("a.pem", ecdsa.certificate);
    await put("a.key", ecdsa.key);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const renewed = await issue(made, { name: "renewed", issuer: authority });
    await put("b.pem", renewed.certificate);
    await put("b.key", renewed.key);
    await put("root/ca.pem", authority.certificate);
    await put("root/ca.key", authority.key);
    await put("lost.key", other.key);
    await put("lonely.pem", rsa.certificate);
    expect(await found()).toEqual({
      pairs: ["b.pem b.key"],
      notes: [
        "root/ca.pem is the certificate of an authority: it is not served",
        "a.pem is not served: b.pem is newer, for the same names",
        "lonely.pem is a certificate without its key",
        "lost.key is a key without its certificate",
      ],
    });
  });

  test.each<[string, () => Promise<unknown>, RegExp, RegExp]>([
    ["nothing", async () => undefined, /^there is no certificate with its key in /, /fullchain\.pem and privkey\.pem/],
    ["a key alone", () => put("a.key", ecdsa.key), /^there is no certificate with its key in /, /NAME\.key/],
    [
      "a key of another certificate",
      async () => [await put("a.pem", ecdsa.certificate), await put("a.key", other.key)],
      /a\.key does not belong to the certificate in .*a\.pem$/,
      /the key there that the certificate was made for/,
    ],
    [
      "certbot's names, and a key of another certificate",
      async () => [await put("fullchain.pem", ecdsa.certificate), await put("privkey.pem", other.key)],
      /privkey\.pem does not belong to the certificate in .*fullchain\.pem$/,
      /move one of them elsewhere/,
    ],
    [
      "a key with a passphrase",
      async () => {
        const key = await put("a.key");
        await openssl(["pkey", "-in", ecdsa.key, "-aes256", "-passout", "pass:secret", "-out", key]);
        await put("a.pem", ecdsa.certificate);
      },
      /the key .*a\.key has a passphrase/,
      /openssl pkey -in/,
    ],
    [
      "a damaged certificate",
      () => writeFile(join(folder, "a.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
      /a\.pem holds a certificate that cannot be read$/,
      /write the file anew/,
    ],
    [
      "a damaged key",
      () => writeFile(join(folder, "a.key"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
      /a\.key holds a key that cannot be read$/,
      /write the file anew/,
    ],
  ])("with %s are refused", async (_what, lay, message, hint) => {
    await lay();
    await expect(certificatesIn(folder)).rejects.toMatchObject({
      code: "certificate-failed",
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
  });

  test.each([
    ["is over", 800, /a\.pem expired at \d{4}-.*Z$/, /^renew it/],
    ["has not come", -800, /a\.pem is not valid before \d{4}-.*Z$/, /clock/],
  ])("whose time %s are refused, whatever else is there", async (_what, days, message, hint) => {
    await put("a.pem", ecdsa.certificate);
    await put("a.key", ecdsa.key);
    await put("b.pem", other.certificate);
    await put("b.key", other.key);
    const then = new Date(Date.now() + days * 86_400_000);
    await expect(certificatesIn(folder, then)).rejects.toMatchObject({
      code: "certificate-failed",
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
  });

  test("are served with a key that everybody can read, and that is told", async () => {
    await put("site.pem", ecdsa.certificate);
    await chmod(await put("site.key", ecdsa.key), 0o644);
    expect((await found()).notes).toEqual([
      "site.key is a key that every user of this machine has access to: chmod 600 site.key",
    ]);
  });

  test("of a folder that is not there are refused", async () => {
    await expect(certificatesIn(join(folder, "none"))).rejects.toMatchObject({
      code: "certificate-failed",
      message: expect.stringContaining("cannot be read") as string,
    });
  });

  test.each([
    ["an authority's own", { isCa: true }, "is the certificate of an authority, not of a server"],
    ["a client's", { purpose: "clientAuth" }, "is not meant for servers: its extended key usage has no serverAuth"],
  ])("that are %s are refused", async (_what, wanted, message) => {
    const pair = await issue(made, { name: "unfit", ...wanted });
    await put("a.pem", pair.certificate);
    await put("a.key", pair.key);
    await expect(certificatesIn(folder)).rejects.toMatchObject({
      code: "certificate-failed",
      message: `${join(folder, "a.pem")} ${message}`,
    });
  });

  test("are not looked for in what is no ordinary file", async () => {
    await put("a.pem", ecdsa.certificate);
    await put("a.key", ecdsa.key);
    await symlink("/dev/zero", join(folder, "endless.pem"));
    await symlink("nowhere", join(folder, "gone.pem"));
    const { pairs, notes } = await found();
    expect(pairs).toEqual(["a.pem a.key"]);
    expect(notes).toEqual(["endless", "gone"].map((name) => `${name}.pem is ignored: it is no file of certificates`));
  });
});
