/** What a site file names and cannot be used is refused before anything is changed. */
import { appendFile, mkdir, readFile, readdir, rename, rm, truncate, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { provision } from "../../../src/cli/commands/provision.ts";
import type { Context } from "../../../src/cli/context.ts";
import { checkSite } from "../../../src/cli/make/load.ts";
import { refuseTakenPorts } from "../../../src/cli/serve/standing.ts";
import { parseSite } from "../../../src/recipe/index.ts";
import { dhPem, oakley2 } from "../../tools/dh.ts";
import { describeWith } from "../../tools/needs.ts";
import { issue, openssl, type Issued, type Wanted } from "../probe/support.ts";
import { contextIn, freshFolder } from "./context.ts";

/** A context for the shipped recipes, whose site file has this text. */
async function sited(text: string): Promise<{ context: Context; folder: string; file: string }> {
  const folder = await freshFolder();
  const file = join(folder, "tlsforge.yaml");
  await writeFile(file, text);
  await mkdir(join(folder, "tls"));
  const context = contextIn(folder);
  const recipes = join(import.meta.dirname, "../../../recipes");
  return { context: { ...context, recipes, options: { ...context.options, config: file } }, folder, file };
}

function authority(folder: string, name: string, more: Partial<Wanted> = {}): Promise<Issued> {
  return issue(folder, { name, isCa: true, ...more });
}

/** How `provision` ends. */
async function provisioned(context: Context): Promise<unknown> {
  const request = { stack: null, sources: { sources: {}, offline: true }, minGrade: null };
  return provision(context, request).catch((error: unknown) => error);
}

describeWith(["openssl"], "certificates of a site file", () => {
  test.each<[string, string, (tls: string) => Promise<unknown>, RegExp, RegExp]>([
    [
      "a folder without any",
      "",
      async () => undefined,
      /there is no certificate with its key in .*\/tls$/,
      /NAME\.key/,
    ],
    [
      "a key of another",
      "",
      async (tls) => {
        const [one, other] = [await issue(tls, { name: "one" }), await issue(tls, { name: "two" })];
        await rename(other.key, one.key);
        await rm(other.certificate);
      },
      /one-P-256\.key does not belong to the certificate in .*one-P-256\.pem$/,
      /^put the key there/,
    ],
    [
      "a key with a passphrase",
      "",
      async (tls) => {
        const { key } = await issue(tls, { name: "one" });
        await openssl(["pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", `${key}.new`]);
        await rename(`${key}.new`, key);
      },
      /the key .*one-P-256\.key has a passphrase/,
      /openssl pkey -in/,
    ],
    [
      "one that expired",
      "",
      (tls) => issue(tls, { name: "one", days: -1 }),
      /one-P-256\.pem expired at \d{4}-\d\d-\d\dT[\d:.]+Z$/,
      /^renew it/,
    ],
    [
      "a key that is too short",
      "",
      (tls) => issue(tls, { name: "one", key: "rsa:1024" }),
      /one-rsa1024\.pem has an RSA key of 1024 bits: 2048 is the least$/,
      /^ask for one with an RSA key of 2048 bits or more, or one on P-256 or P-384 and/,
    ],
    [
      "a key on a curve that TLS 1.3 has not",
      "",
      (tls) => issue(tls, { name: "one", key: "secp256k1" }),
      /one-secp256k1\.pem has a key on the curve secp256k1, for which profile intermediate has no signature algorithm$/,
      /move .*one-secp256k1\.pem elsewhere$/,
    ],
    [
      "a key that the profile has no signature for",
      "  profile: ssllabs-100\n",
      (tls) => issue(tls, { name: "one" }),
      /has a key on the curve prime256v1, for which profile ssllabs-100 has no signature algorithm$/,
      /one on P-384 and/,
    ],
    [
      "one that names no host",
      "",
      (tls) => issue(tls, { name: "one", nameless: true }),
      /one-P-256\.pem names no host: it has no subject alternative name$/,
      /a subject alternative name, or move/,
    ],
    [
      "others that did not issue it",
      "",
      async (tls) => {
        const elsewhere = await freshFolder();
        const [leaf, other] = [
          await issue(tls, { name: "one", issuer: await authority(elsewhere, "first") }),
          await authority(elsewhere, "second"),
        ];
        await appendFile(leaf.certificate, await readFile(other.certificate));
      },
      /one-P-256\.pem: none of the other certificates issued the leaf$/,
      /^put the leaf first/,
    ],
    [
      "a chain that expired, in whatever order",
      "",
      async (tls) => {
        const elsewhere = await freshFolder();
        const issuer = await authority(elsewhere, "intermediate", {
          issuer: await authority(elsewhere, "root"),
          days: -1,
        });
        const leaf = await issue(tls, { name: "one", issuer });
        const [text, above] = [await readFile(leaf.certificate), await readFile(issuer.certificate)];
        await writeFile(leaf.certificate, Buffer.concat([above, text]));
      },
      /one-P-256\.pem: CN=intermediate of the chain expired at \d{4}-[\d-]+T[\d:.]+Z$/,
      /present certificate/,
    ],
    [
      "no RSA key, for DHE",
      "  dhe: ffdhe3072\n",
      (tls) => issue(tls, { name: "one" }),
      /DHE suites need a certificate with an RSA key, and .*\/tls has none$/,
      /leave server\.dhe out/,
    ],
  ])("with %s are refused with their line, and no prefix is made", async (_what, more, lay, message, hint) => {
    const { context, folder, file } = await sited(`server:\n  certificate: { directory: tls }\n${more}`);
    await lay(join(folder, "tls"));
    expect(await provisioned(context)).toMatchObject({
      code: "certificate-failed",
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
      span: { file, line: 2 },
    });
    expect(await readdir(folder)).toEqual(["tls", "tlsforge.yaml"]);
  });

  test("answer for every name, by themselves or a wildcard of one label; the first other name is refused with its line", async () => {
    const names = ["localhost", "WWW.example.org", "*.example.net", "a.example.net", "a.b.example.net", "example.net"];
    const { context, folder, file } = await sited(
      `server:\n  certificate: { directory: tls }\n  names:\n${names.map((name) => `    - "${name}"\n`).join("")}`,
    );
    await issue(join(folder, "tls"), { name: "one", names: ["www.example.org", "*.example.net"] });
    expect(await provisioned(context)).toMatchObject({
      code: "certificate-failed",
      message: `${file}:8: no certificate in ${join(folder, "tls")} is for "a.b.example.net"`,
      hint: "put one there, or leave the name out: those there are for *.example.net, localhost, www.example.org, 127.0.0.1",
      span: { file, line: 8 },
    });
    expect(await readdir(folder)).toEqual(["tls", "tlsforge.yaml"]);
  });
});

describe("what a site file names and is not what it is named for is refused with its line", () => {
  test.each<[string, string, RegExp, RegExp]>([
    [
      "no folder of certificates",
      "certificate: { directory: gone }",
      /server\.certificate\.directory: the folder .*\/gone cannot be used: no such file/,
      /^make the folder/,
    ],
    [
      "no folder of files",
      "app: { static: gone }",
      /server\.app\.static: the folder .*\/gone cannot be used/,
      /^make the folder/,
    ],
    [
      "no folder of a module",
      'app: { factory: "a:b", path: gone }',
      /server\.app\.path: the folder .*\/gone cannot be used/,
      /^make the folder/,
    ],
    [
      "a file of certificates",
      "certificate: { directory: tlsforge.yaml }",
      /server\.certificate\.directory: .*tlsforge\.yaml is no folder$/,
      /^name a folder/,
    ],
    [
      "a file of files",
      "app: { static: tlsforge.yaml }",
      /server\.app\.static: .*tlsforge\.yaml is no folder$/,
      /^name a folder/,
    ],
    [
      "a file of a module",
      'app: { factory: "a:b", path: tlsforge.yaml }',
      /server\.app\.path: .*tlsforge\.yaml is no folder$/,
      /^name a folder/,
    ],
    [
      "a socket that is none",
      'app: { proxy: "unix:/dev/null" }',
      /server\.app\.proxy: \/dev\/null is no Unix socket$/,
      /http:\/\/HOST:PORT/,
    ],
  ])("%s", async (_what, text, message, hint) => {
    const { context, folder, file } = await sited(`server:\n  profile: modern\n  ${text}\n`);
    const error = await provisioned(context);
    expect(error).toMatchObject({
      code: "site-invalid",
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
      span: { file, line: 3 },
    });
    expect((error as Error).message.startsWith(`${file}:3: `)).toBe(true);
    expect(await readdir(folder)).toEqual(["tls", "tlsforge.yaml"]);
  });

  test("but not a socket that is one, or that its server has yet to make", async () => {
    const folder = await freshFolder();
    const path = join(folder, "app.sock");
    const file = { path: join(folder, "tlsforge.yaml"), text: `server: { app: { proxy: "unix:${path}" } }\n` };
    const app = { kind: "proxy", upstream: `unix:${path}` };
    expect((await checkSite(file)).server.app).toEqual(app);
    const holder = createServer().listen(path);
    await once(holder, "listening");
    onTestFinished(() => void holder.close());
    expect((await checkSite(file)).server.app).toEqual(app);
  });
});

test("Diffie-Hellman parameters that are none are refused with their line, and no prefix is made", async () => {
  const { context, folder, file } = await sited(
    "server:\n  certificate: { local-ca: true, keys: [rsa] }\n  dhe: { file: tls/dh.pem }\n",
  );
  const parameters = join(folder, "tls", "dh.pem");
  await writeFile(parameters, dhPem(oakley2, 2n));
  expect(await provisioned(context)).toMatchObject({
    code: "site-invalid",
    message: `${file}:3: ${parameters} holds parameters of 1024 bits, fewer than 2048`,
    span: { file, line: 3 },
  });
  expect(await readdir(folder)).toEqual(["tls", "tlsforge.yaml"]);
});

describe("the authority that a site is graded with", () => {
  test.each<[string, (ca: string) => Promise<unknown>, RegExp]>([
    [
      "missing",
      async () => undefined,
      /the file of verify\.ca cannot be read: .*ca\.pem \(no such file or directory\)$/,
    ],
    [
      "what is too large",
      async (ca) => {
        await writeFile(ca, "");
        await truncate(ca, 2 ** 33);
      },
      /the file of verify\.ca cannot be read: .*ca\.pem is too large: 8589934592 bytes, more than 4194304$/,
    ],
    ["a folder", (ca) => mkdir(ca), /the file of verify\.ca cannot be read: .*ca\.pem is no regular file$/],
    ["no PEM", (ca) => writeFile(ca, "hello\n"), /there is no PEM certificate in .*ca\.pem$/],
    [
      "damaged",
      (ca) => writeFile(ca, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
      /certificate 1 in .*ca\.pem cannot be read$/,
    ],
  ])("that is %s is refused with its line, and no prefix is made", async (_what, lay, message) => {
    const { context, folder, file } = await sited("stack: twisted\nverify:\n  ca: tls/ca.pem\n");
    await lay(join(folder, "tls", "ca.pem"));
    expect(await provisioned(context)).toMatchObject({
      code: "site-invalid",
      message: expect.stringMatching(message) as string,
      span: { file, line: 3 },
    });
    expect(await readdir(folder)).toEqual(["tls", "tlsforge.yaml"]);
  });
});

describe("addresses of a site file", () => {
  const siteOf = (port: number) => parseSite({ text: `server: { listen: ["127.0.0.1:${port}"] }\n`, path: "/s.yaml" });

  test("that another program has are refused where this prefix has never served; free ones are not", async () => {
    const context = contextIn(await freshFolder());
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    onTestFinished(() => void holder.close());
    await expect(refuseTakenPorts(context, siteOf(port))).rejects.toMatchObject({
      code: "port-in-use",
      message: expect.stringContaining(`127.0.0.1:${port} is in use`) as string,
      hint: expect.stringContaining("server.listen") as string,
    });
    holder.close();
    await once(holder, "close");
    await refuseTakenPorts(context, siteOf(port));
  });

  test("that this machine lacks are refused", async () => {
    // TEST-NET-1 of RFC 5737: nobody's.
    const site = parseSite({ text: `server: { listen: ["192.0.2.1:8443"] }\n`, path: "/s.yaml" });
    await expect(refuseTakenPorts(contextIn(await freshFolder()), site)).rejects.toMatchObject({
      code: "server-failed",
      message: "192.0.2.1:8443 is no address of this machine",
    });
  });
});
