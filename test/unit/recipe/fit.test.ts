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
    ["server:\n  dhe: { generate: 2048 }\n", "2:8: finite-field Diffie-Hellman"],
    ["server:\n  dhe: { file: dh.pem }\n", "2:8: finite-field Diffie-Hellman"],
    ["server:\n  curve: prime256v1\n", "2:10: server.curve is for a server that has one curve only"],
  ])("refuses what only 2013 had: %j", (text, message) => {
    expect(problems(text, "service")).toEqual([expect.stringContaining(message)]);
  });
});

test.each([512, 1023, 8193])("parameters of %i bits are refused by the language itself", (bits) => {
  expect(() => parseSite({ text: `server: { dhe: { generate: ${bits} } }\n`, path: "s" })).toThrow(/s:1:\d+/);
});
