import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { dhParametersOf, lossesIn, policyOf, serverSiteOf } from "../../../../src/cli/serve/terms.ts";
import { parseSite, type Stack } from "../../../../src/recipe/index.ts";
import { dhPem } from "../../../tools/dh.ts";

const terms = (server: string, purpose: Stack["purpose"] = "service") => ({
  site: parseSite({ text: `server: { ${server} }\n`, path: "/etc/tlsforge.yaml" }),
  outputs: { openssl: "/o", purpose },
});

describe("the policy of a site", () => {
  test("has neither tickets nor finite-field Diffie-Hellman unless they are wished for", () => {
    const policy = policyOf(terms(""), null);
    expect(policy).toMatchObject({ profile: "intermediate", tickets: null, dhe: null });
    expect(policy.options).toContain("NO_TICKET");
    expect(policy.ciphers.filter((name) => name.startsWith("DHE-"))).toEqual([]);
  });

  test("has tickets whose key changes, in seconds", () => {
    const policy = policyOf(terms("tickets: { rotate-hours: 12 }"), null);
    expect(policy.tickets).toEqual({ rotateSeconds: 43_200 });
    expect(policy.options).not.toContain("NO_TICKET");
  });

  test.each([
    ["dhe: ffdhe3072", { group: "ffdhe3072" }],
    ["dhe: { generate: 2048 }", { parameters: "/p/var/tls/dh-2048.pem" }],
    ["dhe: { file: dh.pem }", { parameters: "/etc/dh.pem" }],
  ])("with %s has DHE suites", (text, dhe) => {
    const wanted = terms(text);
    const policy = policyOf(wanted, dhParametersOf("/p", wanted)?.file ?? null);
    expect(policy.dhe).toEqual(dhe);
    expect(policy.ciphers.filter((name) => name.startsWith("DHE-RSA-"))).toHaveLength(3);
  });

  test("of 2013 is that of 2013, with parameters whether or not they are wished for", () => {
    const wanted = terms("", "reproduction");
    expect(dhParametersOf("/p", wanted)).toEqual({ file: "/p/var/tls/dh-2048.pem", bits: 2048 });
    expect(policyOf(wanted, "/dh.pem")).toMatchObject({ profile: "classic-2013", dhe: { parameters: "/dh.pem" } });
    expect(serverSiteOf(wanted)).toMatchObject({
      sni: "default",
      ocsp: "off",
      accessLog: false,
      workers: 1,
      limits: {},
    });
    expect(serverSiteOf(terms("workers: 3"))).toMatchObject({ ocsp: "auto", accessLog: true, workers: 3 });
  });
});

describe("what a site loses", () => {
  const lost = async (server: string, purpose: Stack["purpose"] = "service"): Promise<readonly string[]> =>
    (await lossesIn(terms(server).site, purpose, "/p")).map(({ of }) => of);

  test("is nothing by itself, nor by tickets, nor where the stack decides", async () => {
    expect(await lost("")).toEqual([]);
    expect(await lost("tickets: { rotate-hours: 1 }")).toEqual([]);
    expect(await lost("profile: compatible", "reproduction")).toEqual([]);
  });

  test.each(["ffdhe3072", "{ generate: 4096 }", "{ file: /dh.pem }"])("is AAA with dhe: %s", async (dhe) => {
    expect(await lost(`dhe: ${dhe}`)).toContain("AAA");
  });

  test.each([
    ["off", false],
    ["{ generate: 4096 }", false],
    ["{ generate: 4095 }", true],
    ["ffdhe3072", true],
    ["{ file: /nowhere/dh.pem }", true],
  ])("is the 100 of SSL Labs with parameters that are short, or may be: %s", async (dhe, isLost) => {
    expect((await lost(`profile: ssllabs-100, dhe: ${dhe}`)).includes("ssllabs-2009r")).toBe(isLost);
  });

  test("is not the 100 of SSL Labs with a file of 4096 bits", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tlsforge-terms-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, "dh.pem"), dhPem(2n ** 4095n + 1n, 2n));
    expect(await lost(`profile: ssllabs-100, dhe: { file: ${folder}/dh.pem }`)).not.toContain("ssllabs-2009r");
  });
});
