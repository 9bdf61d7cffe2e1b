import { describe, expect, test } from "vitest";
import { checkFit, parseSite, type Stack } from "../../../src/recipe/index.ts";
import type { ForgeError } from "../../../src/errors.ts";

const stack = (purpose: Stack["purpose"]): Stack => ({
  name: "sample",
  summary: "",
  purpose,
  recipes: {},
  lines: {},
  server: "a",
  openssl: "b",
  python: "c",
});

/** What is wrong with a site file, each problem as `line: message`; empty when it fits. */
function problems(text: string, purpose: Stack["purpose"], exposed = false): readonly string[] {
  const file = { text, path: "tlsforge.yaml" };
  try {
    checkFit(parseSite(file), stack(purpose), { file, exposed: () => exposed });
    return [];
  } catch (error) {
    return (error as ForgeError).details.map((detail) => detail.split("\n")[0]?.replace("tlsforge.yaml:", "") ?? "");
  }
}

describe("a stack of reproduction", () => {
  test("takes an empty site file, none at all, and what is of its time", () => {
    expect(problems("", "reproduction")).toEqual([]);
    expect(() => checkFit(parseSite(null), stack("reproduction"), { file: null, exposed: () => false })).not.toThrow();
    const own =
      'server:\n  listen: ["127.0.0.2:443", "[::1]:443", "[0:0:0:0:0:0:0:1]:444", "[::ffff:127.0.0.1]:445"]\n  dhe: { generate: 1024 }\n  curve: secp384r1\n';
    expect(problems(own, "reproduction")).toEqual([]);
  });

  test.each([
    ["every address", 'server:\n  listen: ["0.0.0.0:443"]\n', '2:12: "0.0.0.0:443" can be reached by others'],
    ["IPv6", 'server:\n  listen: ["[::]:443"]\n', '2:12: "[::]:443" can be reached by others'],
    ["redirect", 'server:\n  redirect: ["192.0.2.1:80"]\n', '2:14: "192.0.2.1:80" can be reached by others'],
    ["TLS 1.3", "server:\n  profile: modern\n", "2:12: profile modern needs TLS 1.3"],
    [
      "preload",
      "server:\n  hsts: { preload: true, max-age: 63072000 }\n",
      "2:20: the preload list is for servers in service",
    ],
    ["HSTS", "server:\n  hsts: { max-age: 63072000 }\n", "2:9: this server sends no Strict-Transport-Security"],
    ["curve", "server:\n  curve: X25519\n", '2:10: "X25519" is no curve that this OpenSSL has'],
    ["no DHE", 'server:\n  dhe: "off"\n', "2:8: three of the six suites of 2013 need"],
    ["a group by name", "server:\n  dhe: ffdhe2048\n", "2:8: this server takes Diffie-Hellman parameters from a file"],
    ["SNI", "server:\n  sni: strict\n", "2:8: this server has no sni"],
    ["tickets", "server:\n  tickets: off\n", "2:12: this server has no tickets"],
    ["OCSP", "server:\n  ocsp: auto\n", "2:9: this server has no ocsp"],
    ["an access log", "server:\n  access-log: true\n", "2:15: this server has no access-log"],
    ["workers", "server:\n  workers: 2\n", "2:12: this server has no workers"],
    ["limits", "server:\n  limits: { connections: 9 }\n", "2:11: this server has no limits"],
    [
      "two certificates",
      "server:\n  certificate: { local-ca: true, keys: [rsa] }\n",
      "2:40: this server has one certificate, with an RSA key",
    ],
    ["app", "server:\n  app: { static: /srv }\n", "2:8: this server has no app static"],
    ["service", "host:\n  service: systemd\n", "2:12: what is only reproduced is no service of systemd"],
  ])("refuses what it cannot do or must not: %s", (_what, text, message) => {
    const told = problems(text, "reproduction");
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(message);
  });

  test("listens where others reach it when its user insists, and nothing else comes with that", () => {
    const text = 'server:\n  listen: ["[::]:443"]\n  profile: modern\n';
    expect(problems(text, "reproduction", true)).toEqual([expect.stringContaining("3:12: profile modern")]);
  });
});

describe("a stack in service", () => {
  test("takes what it always took, public addresses and all", () => {
    expect(problems('server:\n  listen: ["[::]:443"]\n  dhe: "off"\n  profile: modern\n', "service")).toEqual([]);
  });

  test.each([
    "dhe: ffdhe3072\n  certificate: { local-ca: true, keys: [ecdsa, rsa] }",
    "dhe: { generate: 2048 }\n  certificate: { directory: /tls }",
    "dhe: { file: dh.pem }\n  certificate: { directory: /tls }\n  profile: ssllabs-100",
    "tickets: { rotate-hours: 1 }\n  profile: modern\n  workers: 4\n  limits: { idle-seconds: 1 }",
  ])("takes what goes together: %j", (text) => {
    expect(problems(`server:\n  ${text}\n`, "service")).toEqual([]);
  });

  const directory = "  certificate: { directory: /tls }\n";
  test.each([
    [`server:\n  dhe: { generate: 2047 }\n${directory}`, "2:8: Diffie-Hellman parameters of 2047 bits are too weak"],
    [`server:\n  dhe: ffdhe2048\n  profile: modern\n${directory}`, "2:8: profile modern speaks TLS 1.3 alone"],
    ["server:\n  dhe: ffdhe2048\n", "2:8: DHE suites need a certificate with an RSA key"],
    ["server:\n  curve: prime256v1\n", "2:10: server.curve is for a server that has one curve only"],
  ])("refuses what does not: %j", (text, message) => {
    expect(problems(text, "service")).toEqual([expect.stringContaining(message)]);
  });
});

test.each([512, 1023, 8193])("parameters of %i bits are refused by the language itself", (bits) => {
  expect(() => parseSite({ text: `server: { dhe: { generate: ${bits} } }\n`, path: "s" })).toThrow(/s:1:\d+/);
});
