import { describe, expect, test } from "vitest";
import { compare, judge } from "../../../src/grade/index.ts";
import type { Comparison } from "../../../src/grade/index.ts";
import type { Observations } from "../../../src/probe/index.ts";
import * as build from "./observations.ts";

const { chain, failed, observations, observed, speaking, suites, tls13 } = build;

/** What differs in the offers of a good server with changes and another one. */
function offered(a: Partial<Observations>, b: Partial<Observations>): Comparison["offer"] {
  const side = (changes: Partial<Observations>) => ({ name: "it", report: judge(observations(changes)) });
  return compare(side(a), side(b)).offer;
}

describe("what is offered", () => {
  test("protocols, suites of those that both offer, groups and leaves, in short lists", () => {
    const a = {
      ...speaking({
        "TLSv1.0": suites(["AES128-SHA"]),
        "TLSv1.2": suites(["AES128-SHA", build.suite("DHE-RSA-AES256-GCM-SHA384", { dhBits: 1024 })], "client"),
      }),
      groups: build.groups([build.group("P-256", 3072)]),
      certificates: observed([chain({ sha256: "cd".repeat(32) })]),
    };
    const b = {
      ...speaking({ "TLSv1.2": suites(["DHE-RSA-AES256-GCM-SHA384"], "single"), "TLSv1.3": tls13 }),
      groups: build.groups([build.group("X25519", 3072)]),
    };
    expect(offered(a, b)).toEqual({
      protocols: [
        { what: "TLSv1.0", a: "offered", b: "refused" },
        { what: "TLSv1.3", a: "refused", b: "offered" },
      ],
      suites: [
        {
          protocol: "TLSv1.2",
          added: [],
          removed: ["TLS_RSA_WITH_AES_128_CBC_SHA"],
          facts: [
            { what: "order", a: "the client chooses", b: "a single suite" },
            { what: "DH of TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", a: "1024 bits", b: "2048 bits" },
          ],
        },
      ],
      groups: { added: ["X25519"], removed: ["P-256"], facts: [{ what: "negotiated", a: "P-256", b: "X25519" }] },
      certificates: {
        added: ["CN=www.example.org, RSA 2048, sha256WithRSAEncryption, until 2026-03-31, SHA-256 abababababababab"],
        removed: ["CN=www.example.org, RSA 2048, sha256WithRSAEncryption, until 2026-03-31, SHA-256 cdcdcdcdcdcdcdcd"],
        facts: [],
      },
    });
  });

  test("what is not known is called so and compared with nothing", () => {
    const b = { groups: failed(), certificates: failed(), cipherSuites: { "TLSv1.2": failed(), "TLSv1.3": tls13 } };
    expect(offered({}, b)).toEqual({
      protocols: [],
      suites: [
        { protocol: "TLSv1.2", added: [], removed: [], facts: [{ what: "suites", a: "known", b: "not known" }] },
      ],
      groups: { added: [], removed: [], facts: [{ what: "negotiated", a: "X25519MLKEM768", b: "not known" }] },
      certificates: { added: [], removed: [], facts: [{ what: "certificates", a: "1 seen", b: "not known" }] },
    });
  });

  test("of a leaf that stays: trust, name, dates, chain and staple", () => {
    const other = chain(
      {},
      {
        trust: failed(),
        nameMatches: observed(false),
        validNow: false,
        stapled: observed(true),
        certificates: [build.certificate()],
      },
    );
    expect(offered({}, { certificates: observed([other]) }).certificates.facts).toEqual([
      { what: "trust", a: "trusted, CN=Example Root", b: "not known" },
      { what: "name", a: "matches", b: "another name" },
      { what: "valid", a: "yes", b: "not at the time of the look" },
      { what: "chain as sent", a: "CN=Example Issuing CA", b: "the leaf alone" },
      { what: "stapled status", a: "none", b: "sent" },
    ]);
  });
});
