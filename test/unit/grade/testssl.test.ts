/** Where testssl.sh 3.3dev departs from the guide: each with the guide's answer. */
import { expect, test } from "vitest";
import type { GradeResult } from "../../../src/grade/index.ts";
import type { Observations } from "../../../src/probe/index.ts";
import { graded } from "./graded.ts";
import * as build from "./observations.ts";

const { chain, ecKey, flaws, noHsts, observations, observed, speaking, suite, suites, tls12, tls13 } = build;

const rsa4096 = { type: "RSA", bits: 4096, curve: null, exponent: "65537" } as const;
const strong = { certificates: observed([chain({ key: rsa4096 })]) };
const p384 = { groups: build.groups([build.group("P-384", 7680)]) };
const dh = (dhBits: number) => suite("DHE-RSA-AES256-GCM-SHA384", { dhBits });
const withTls12 = (...list: Parameters<typeof suites>): Partial<Observations> =>
  speaking({ "TLSv1.2": suites(...list), "TLSv1.3": tls13 });

test.each<[string, Partial<Observations>, string, Partial<NonNullable<GradeResult["scores"]>>]>([
  [
    "1. the size of DH parameters counts: 1024 bits are 80, and B",
    { ...strong, ...p384, ...withTls12([dh(1024)]) },
    "B",
    { keyExchange: 80 },
  ],
  [
    "2. an EC-256 certificate is 90, not 100",
    { ...p384, certificates: observed([chain({ key: ecKey(256) })]) },
    "A+",
    { keyExchange: 90 },
  ],
  ["3. the strength of ephemeral groups counts: X25519 is 90", strong, "A+", { keyExchange: 90 }],
  ["4. without HSTS there is no A+", { http: noHsts }, "A", {}],
  [
    "5. no AEAD with reference browsers is B",
    withTls12(["ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-GCM-SHA256"]),
    "B",
    {},
  ],
  [
    "5. AEAD where capable clients get it is no loss",
    withTls12(["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA"]),
    "A+",
    {},
  ],
  ["6. 3DES negotiated with TLS 1.2 is C", withTls12(["DES-CBC3-SHA", "AES128-SHA"]), "C", {}],
  ["6. RC4 negotiated with TLS 1.2 is C, without TLS 1.1", withTls12(["RC4-SHA", "AES128-SHA"]), "C", {}],
  [
    "7. insecure renegotiation is F",
    { flaws: flaws({ "insecure-renegotiation": observed({ present: true, evidence: "it renegotiated" }) }) },
    "F",
    {},
  ],
  [
    "8. a revoked certificate is F, not T",
    {
      certificates: observed([
        chain({}, { staple: observed({ status: "revoked", thisUpdate: "", nextUpdate: null, problems: [] }) }),
      ]),
    },
    "F",
    {},
  ],
  [
    "9. BEAST is no cap of its own: TLS 1.0 with CBC is B for TLS 1.0",
    speaking({ "TLSv1.0": suites(["ECDHE-RSA-AES128-SHA"]), "TLSv1.2": tls12, "TLSv1.3": tls13 }),
    "B",
    {},
  ],
  [
    "10. forward secrecy is asked of what browsers get, not of what is offered somewhere",
    withTls12(["AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"]),
    "B",
    {},
  ],
  ["12. anonymous key exchange makes the total 0, and F", withTls12(["AECDH-AES128-SHA"]), "F", { total: 0 }],
  [
    "13. the total is not cut to whole numbers",
    speaking({ "TLSv1.1": suites(["ECDHE-RSA-AES128-SHA"]), "TLSv1.2": tls12, "TLSv1.3": tls13 }),
    "B",
    { protocol: 97.5, total: 92.25 },
  ],
])("%s", (_, changes, grade, scores) => {
  const result = graded(changes);
  expect([result.grade, result.incomplete]).toEqual([grade, []]);
  expect(result.scores).toMatchObject(scores);
});

test("9. of the caps with TLS 1.0 and CBC none names BEAST", () => {
  const { caps } = graded(
    speaking({ "TLSv1.0": suites(["ECDHE-RSA-AES128-SHA"]), "TLSv1.2": tls12, "TLSv1.3": tls13 }),
  );
  expect(caps.map(({ finding }) => finding)).toEqual(["ssllabs.protocol.tls10"]);
});

test("11. how the connection became TLS does not touch the grade: another port, the same letter", () => {
  const { target } = observations();
  expect(graded({ target: { ...target, port: 25 } }).grade).toBe("A+");
});
