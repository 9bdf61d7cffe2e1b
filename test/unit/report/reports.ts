/** Reports for tests: a good server, a bad one of which not all is known, and one that sends hostile texts. */
import { judge } from "../../../src/grade/index.ts";
import type { Report } from "../../../src/grade/index.ts";
import * as build from "../grade/observations.ts";

const { chain, failed, observations, observed, speaking, suites, tls12 } = build;

export const good: Report = judge(observations());

/** All three rulebooks are content. */
export const best: Report = judge(
  observations({
    certificates: observed([chain({ key: build.ecKey(256), signature: "ecdsaWithSHA256" })]),
  }),
);

export const bad: Report = judge(
  observations({
    ...speaking({
      "TLSv1.0": suites(["AES128-SHA", "DES-CBC3-SHA"], "client"),
      "TLSv1.2": tls12,
      "TLSv1.3": failed("timed out after 3 s, twice"),
    }),
    http: failed("connection reset"),
    certificates: observed([
      chain(
        { mustStaple: true },
        {
          validNow: false,
          trust: observed({ trusted: true, local: true, anchor: "CN=Example Root", reason: null }),
        },
      ),
    ]),
  }),
);

/** Breaks out of HTML text, attributes and comments, and drives a terminal: colours, title, clear screen, C1, overwriting, bidi override. */
export const attack = `--></style></title>"'><script>alert(1)</script>&amp;\u001b[2J\u001b]0;owned\u0007\u009b31m\r\b\u202e\u2066\ufeff\ud800`;

/** Every text that a server or a name can choose is the attack. */
export const hostile: Report = judge(
  observations({
    target: { host: attack, port: 443, serverName: attack, address: attack },
    ...speaking({
      "TLSv1.2": suites([build.suite("ECDHE-RSA-AES128-GCM-SHA256", { name: attack, group: attack })]),
      "TLSv1.3": failed(attack),
    }),
    groups: build.groups([build.group(attack, 3072)]),
    certificates: observed([
      chain(
        {
          subject: attack,
          issuer: attack,
          names: [attack, attack],
          notAfter: attack,
          signature: attack,
          sha256: attack,
        },
        {
          trust: observed({ trusted: true, local: true, anchor: attack, reason: attack }),
          stapled: failed(attack),
          nameMatches: failed(attack),
        },
      ),
    ]),
    alpn: observed(attack),
    http: build.hsts(null, { raw: attack, problems: [attack] }),
    compression: failed(attack),
  }),
);
