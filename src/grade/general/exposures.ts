/**
 * Attacks that follow from what is offered. None is measured: a server is exposed by its configuration, or it is not. How much that costs the
 * grade is the rulebook's to say.
 */
import type { KeyShareReuse, Observations, SuiteSeen } from "../../probe/index.ts";
import { listed, offers, offersBeforeTls13, olderSuiteProtocols, someSuite, suitesOf } from "../facts.ts";
import { ocspExtension } from "../ssllabs/checks-flaw.ts";
import {
  hasRsaKeyExchange,
  hasSmallBlocks,
  isAnonymous,
  isCbc,
  isExport,
  isFiniteFieldEphemeral,
  isNull,
  isRc4,
  isStaticDh,
} from "../suites.ts";
import type { Finding } from "../types.ts";
import { allOf, anyOf, no, stated, unknown, yes } from "../verdict.ts";
import type { Statement } from "../verdict.ts";
import { concern, information, open } from "./remark.ts";
import { winshock } from "./winshock.ts";

interface Exposure {
  readonly id: string;
  readonly title: string;
  readonly reference: string;
  readonly severity: Finding["severity"];
  /** What exposes the server. */
  readonly what: string;
  /** `what` says it all: no attack with a name. */
  readonly plain?: true;
  readonly without: string;
  readonly fix: string;
  readonly exposed: (observations: Observations) => Statement;
}

const older =
  (test: (suite: SuiteSeen) => boolean) =>
  (observations: Observations): Statement =>
    someSuite(observations, test, olderSuiteProtocols);

const exposures: readonly Exposure[] = [
  {
    id: "sweet32",
    title: "SWEET32",
    reference: "CVE-2016-2183",
    severity: "medium",
    what: "ciphers with 64-bit blocks are offered",
    without: "SWEET32: no cipher with 64-bit blocks is offered",
    fix: "Remove 3DES, DES, IDEA and RC2",
    exposed: older(hasSmallBlocks),
  },
  {
    id: "freak",
    title: "FREAK",
    reference: "CVE-2015-0204",
    severity: "high",
    what: "RSA export suites are offered",
    without: "FREAK: no RSA export suite is offered",
    fix: "Remove the export suites",
    exposed: older((suite) => isExport(suite) && hasRsaKeyExchange(suite)),
  },
  {
    id: "logjam",
    title: "LOGJAM",
    reference: "CVE-2015-4000",
    severity: "high",
    what: "Diffie-Hellman of 1024 bits or less is offered",
    without: "LOGJAM: no Diffie-Hellman of 1024 bits or less is offered",
    fix: "Turn DHE off, or use parameters of 2048 bits or more (RFC 7919)",
    exposed: smallDh,
  },
  {
    id: "beast",
    title: "BEAST",
    reference: "CVE-2011-3389",
    severity: "low",
    what: "CBC suites are offered with TLS 1.0 or SSL 3.0",
    without: "BEAST: no CBC suite is offered with TLS 1.0 or SSL 3.0",
    fix: "Turn TLS 1.0 and SSL 3.0 off",
    exposed: (observations) => someSuite(observations, isCbc, ["SSLv3", "TLSv1.0"]),
  },
  {
    id: "lucky13",
    title: "LUCKY13",
    reference: "CVE-2013-0169",
    severity: "low",
    what: "CBC suites are offered; whether the implementation leaks time is not measured",
    without: "LUCKY13: no CBC suite is offered",
    fix: "Remove the CBC suites",
    exposed: older(isCbc),
  },
  {
    id: "rc4",
    title: "RC4",
    reference: "RFC 7465; CVE-2013-2566, CVE-2015-2808",
    severity: "medium",
    what: "RC4 suites are offered",
    plain: true,
    without: "RC4 is not offered",
    fix: "Remove RC4",
    exposed: older(isRc4),
  },
  {
    id: "null-suites",
    title: "Suites without encryption",
    reference: "RFC 9325, section 4.1",
    severity: "critical",
    what: "Suites without encryption are offered",
    plain: true,
    without: "No suite without encryption is offered",
    fix: "Remove the NULL suites",
    exposed: (observations) => someSuite(observations, isNull),
  },
  {
    id: "anonymous-suites",
    title: "Anonymous suites",
    reference: "RFC 9325, section 4.1",
    severity: "critical",
    what: "Suites without authentication are offered",
    plain: true,
    without: "No suite without authentication is offered",
    fix: "Remove the anonymous suites",
    exposed: older(isAnonymous),
  },
  {
    id: "export-suites",
    title: "Export suites",
    reference: "RFC 9325, section 4.1",
    severity: "critical",
    what: "Export suites are offered",
    plain: true,
    without: "No export suite is offered",
    fix: "Remove the export suites",
    exposed: older(isExport),
  },
  {
    id: "forward-secrecy",
    title: "Suites without forward secrecy",
    reference: "RFC 9325, section 4.1",
    severity: "low",
    what: "Suites without forward secrecy are offered",
    plain: true,
    without: "Every suite has forward secrecy",
    fix: "Remove the suites with RSA, DH and ECDH key exchange",
    exposed: older((suite) => !suite.forwardSecrecy),
  },
  {
    id: "poodle-ssl",
    title: "POODLE",
    reference: "CVE-2014-3566",
    severity: "high",
    what: "SSL 3.0 is offered with CBC suites",
    without: "POODLE: SSL 3.0 is not offered with CBC suites",
    fix: "Turn SSL 3.0 off",
    exposed: (observations) => allOf([offers(observations, "SSLv3"), someSuite(observations, isCbc, ["SSLv3"])]),
  },
  {
    id: "crime",
    title: "CRIME",
    reference: "CVE-2012-4929",
    severity: "high",
    what: "TLS compression is on",
    without: "CRIME: TLS compression is off",
    fix: "Turn TLS compression off",
    exposed: (observations) =>
      allOf([
        offersBeforeTls13(observations),
        stated(observations.compression, (on) => (on ? yes("DEFLATE was chosen") : no("compression was declined"))),
      ]),
  },
  {
    id: "raccoon",
    title: "Raccoon",
    reference: "CVE-2020-1968",
    severity: "medium",
    what: "Diffie-Hellman values are used more than once",
    without: "Raccoon: no Diffie-Hellman value is used more than once",
    fix: "Turn static DH off; turn DHE off, or make a new value for each handshake",
    exposed: (observations) =>
      anyOf([
        older(isStaticDh)(observations),
        allOf([
          older(isFiniteFieldEphemeral)(observations),
          stated(observations.keyShares, ({ samples }) => reused(samples)),
        ]),
      ]),
  },
  {
    id: "dheat",
    title: "DHEat",
    reference: "CVE-2002-20001, CVE-2022-40735",
    severity: "low",
    what: "ephemeral finite-field Diffie-Hellman is offered: a few bytes of a client make the server compute much",
    without: "DHEat: no ephemeral finite-field Diffie-Hellman is offered",
    fix: "Turn DHE off, and the ffdhe groups of TLS 1.3",
    exposed: (observations) => anyOf([older(isFiniteFieldEphemeral)(observations), finiteFieldGroups(observations)]),
  },
  {
    id: "drown",
    title: "DROWN",
    reference: "CVE-2016-0800",
    severity: "critical",
    what: "SSL 2.0 is offered, also against other servers with the same key",
    without: "DROWN: this server does not offer SSL 2.0; others with its key were not looked for",
    fix: "Turn SSL 2.0 off",
    exposed: (observations) => offers(observations, "SSLv2"),
  },
];

export function exposureFindings(observations: Observations): readonly Finding[] {
  return [
    ...exposures.map(({ what, exposed, title, plain, ...rest }) =>
      concern({ ...rest, title }, exposed(observations), {
        message: plain === true ? what : `${title}, exposed by configuration: ${what}`,
        severity: rest.severity,
        without: rest.without,
        fix: rest.fix,
      }),
    ),
    statusRequestParser(observations),
    winshock(observations),
  ];
}

/** Groups of TLS 1.3 (RFC 7919). Observed groups are of the newest version that is known to be offered: they tell nothing of TLS 1.3 where it is not. */
function finiteFieldGroups(observations: Observations): Statement {
  const newest = offers(observations, "TLSv1.3");
  if (newest.truth !== true) return newest;
  return stated(
    observations.groups,
    ({ groups }) => {
      const found = groups.map(({ name }) => name).filter((name) => name.startsWith("ffdhe"));
      return found.length > 0 ? yes(`${listed(found)} (TLSv1.3)`) : no(`none among ${groups.length} groups seen`);
    },
    "groups: ",
  );
}

/** Values that repeat; too few that were seen do not show that they never do. */
function reused(samples: KeyShareReuse["samples"]): Statement {
  const ofDhe = samples.filter(({ kind }) => kind === "DHE");
  const words = ofDhe.map(({ group, seen, distinct }) => `${group}: ${distinct} different of ${seen}`).join("; ");
  if (ofDhe.some(({ seen, distinct }) => distinct < seen)) return yes(words);
  if (ofDhe.some(({ seen }) => seen >= 2)) return no(words);
  return unknown("fewer than two Diffie-Hellman values were seen");
}

/** Export DHE has 512 bits whatever was seen; else the sizes that were seen tell. */
function smallDh(observations: Observations): Statement {
  const { seen } = suitesOf(observations, olderSuiteProtocols);
  const ephemeral = seen.map(({ suite }) => suite).filter(isFiniteFieldEphemeral);
  const unseen = ephemeral.filter(({ dhBits }) => dhBits === null);
  return anyOf([
    older(
      (suite) =>
        (isExport(suite) && /_DHE?_/.test(suite.name)) ||
        (isFiniteFieldEphemeral(suite) && suite.dhBits !== null && suite.dhBits <= 1024),
    )(observations),
    unseen.length > 0 ? unknown(`parameters not seen: ${unseen.map(({ name }) => name).join(", ")}`) : no(""),
  ]);
}

/** CVE-2011-0014 is a flaw, and fails; no rulebook has a rule for it. */
function statusRequestParser(observations: Observations): Finding {
  const topic = { id: "ocsp-extension", title: "CVE-2011-0014", reference: "CVE-2011-0014" };
  const { outcome, message, evidence } = ocspExtension(observations);
  if (outcome === "unknown")
    return open({ ...topic, title: `${topic.title}, ${message.replace(/:.*$/, "")}` }, evidence);
  if (outcome === "pass") return information(topic, { message: `CVE-2011-0014: ${message}`, evidence, fine: true });
  return {
    ...information(topic, {
      message: `CVE-2011-0014: ${message}`,
      evidence,
      severity: "critical",
      fix: "Update OpenSSL",
    }),
    outcome: "fail",
  };
}
