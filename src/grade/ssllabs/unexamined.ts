/**
 * Rules of the guide whose observation does not exist yet. Where what they need is provably absent, they pass and say why; elsewhere they
 * are unknown. In this version they never decide the grade: a grade is of the rules that were examined, and `ssllabs.not-examined` names
 * the rest on every report. They become decisive by moving into the rulebook with an observation of their own.
 */
import type { Observations } from "../../probe/index.ts";
import { offersBeforeTls13, olderSuiteProtocols, someCertificate, someSuite } from "../facts.ts";
import { hasRsaKeyExchange, isCbc } from "../suites.ts";
import type { Finding } from "../types.ts";
import { allOf, no, stated, unknown, yes } from "../verdict.ts";
import type { Statement } from "../verdict.ts";

interface Unexamined {
  readonly id: string;
  readonly title: string;
  readonly reference: string;
  /** What the flaw cannot do without; absent (false) means harmless. */
  readonly precondition: (observations: Observations) => Statement;
  /** What would have to be looked at. */
  readonly missing: string;
}

const cbc = (observations: Observations): Statement => someSuite(observations, isCbc, olderSuiteProtocols);
const rsaKey = (observations: Observations): Statement =>
  someCertificate(observations, ({ key }, leaf) =>
    leaf && (key.type === "RSA" || key.type === "other") ? yes("RSA certificate") : no("no RSA certificate"),
  );

const tls12Ticket = (observations: Observations): Statement =>
  stated(observations.tickets, ({ tls12 }) => {
    if (tls12 === null) return unknown("TLS 1.2 tickets were not seen");
    return tls12 ? yes("TLS 1.2 tickets are issued") : no("no TLS 1.2 tickets are issued");
  });

const publicKeyPins = (observations: Observations): Statement =>
  stated(observations.http, ({ headers }) => {
    const sent = Object.keys(headers).some((name) => name.toLowerCase() === "public-key-pins");
    return sent ? yes("a Public-Key-Pins header is sent") : no("no Public-Key-Pins header is sent");
  });

const doubtfulAuthority = (observations: Observations): Statement =>
  someCertificate(observations, ({ issuer }) =>
    /WoSign|StartCom|Symantec|GeoTrust|thawte|VeriSign|RapidSSL/i.test(issuer)
      ? yes(`issued by ${issuer}`)
      : no("no authority with a distrusted name"),
  );

const paddingOracle = "a full handshake with CBC and records with broken padding";

const unexamined: readonly Unexamined[] = [
  {
    id: "heartbleed",
    title: "Heartbleed",
    reference: "CVE-2014-0160",
    precondition: offersBeforeTls13,
    missing: "the heartbeat extension",
  },
  {
    id: "ccs-injection",
    title: "CCS injection",
    reference: "CVE-2014-0224",
    precondition: offersBeforeTls13,
    missing: "an early ChangeCipherSpec",
  },
  {
    id: "ticketbleed",
    title: "Ticketbleed",
    reference: "CVE-2016-9244",
    precondition: (observations) => allOf([offersBeforeTls13(observations), tls12Ticket(observations)]),
    missing: "a resumption with a short session id",
  },
  {
    id: "robot",
    title: "ROBOT",
    reference: "CVE-2017-13099 and others",
    precondition: (observations) => someSuite(observations, hasRsaKeyExchange, olderSuiteProtocols),
    missing: "RSA key exchanges with broken padding",
  },
  {
    id: "poodle-tls",
    title: "POODLE against TLS",
    reference: "CVE-2014-8730",
    precondition: cbc,
    missing: paddingOracle,
  },
  {
    id: "zombie-poodle",
    title: "Zombie POODLE",
    reference: "CVE-2019-6485 and others",
    precondition: cbc,
    missing: paddingOracle,
  },
  {
    id: "goldendoodle",
    title: "GOLDENDOODLE",
    reference: "CVE-2019-6593 and others",
    precondition: cbc,
    missing: paddingOracle,
  },
  {
    id: "sleeping-poodle",
    title: "Sleeping POODLE",
    reference: "SSL Labs, 2019",
    precondition: cbc,
    missing: paddingOracle,
  },
  {
    id: "zero-length",
    title: "0-length padding oracle",
    reference: "CVE-2019-1559",
    precondition: cbc,
    missing: paddingOracle,
  },
  {
    id: "lucky-minus-20",
    title: "OpenSSL padding oracle",
    reference: "CVE-2016-2107",
    precondition: cbc,
    missing: paddingOracle,
  },
  {
    id: "drown",
    title: "DROWN",
    reference: "CVE-2016-0800",
    precondition: rsaKey,
    missing: "other servers with the same RSA key that offer SSL 2.0",
  },
  {
    id: "insecure-renegotiation",
    title: "Insecure renegotiation",
    reference: "CVE-2009-3555, RFC 5746",
    precondition: offersBeforeTls13,
    missing: "a renegotiation without renegotiation_info",
  },
  {
    id: "debian-weak-key",
    title: "Debian weak key",
    reference: "CVE-2008-0166",
    precondition: (observations) =>
      someCertificate(observations, ({ key }, leaf) =>
        leaf && ["RSA", "DSA", "other"].includes(key.type) ? yes(`${key.type} key`) : no("no RSA or DSA key"),
      ),
    missing: "the list of weak keys",
  },
  {
    id: "revocation",
    title: "Revoked certificate",
    reference: "RFC 5280, RFC 6960",
    precondition: (observations) =>
      someCertificate(observations, (_, leaf) => (leaf ? yes("any certificate can be revoked") : no(""))),
    missing: "the answer of the certificate's status responder",
  },
  {
    id: "distrusted-authority",
    title: "Distrusted authority (WoSign, StartCom, Symantec)",
    reference: "SSL Labs, 2017 to 2019",
    precondition: doubtfulAuthority,
    missing: "the identity of the authority's key",
  },
  {
    id: "hpkp",
    title: "Invalid Public-Key-Pins",
    reference: "RFC 7469",
    precondition: publicKeyPins,
    missing: "the header's pins",
  },
];

/** One finding per rule: pass (harmless, why) or unknown (why), and one that names all that are unknown. */
export function unexaminedFindings(observations: Observations): readonly Finding[] {
  const each = unexamined.map((rule) => finding(rule, rule.precondition(observations)));
  const open = unexamined.filter((_, index) => each[index]?.outcome === "unknown");
  return [
    ...each,
    {
      id: "ssllabs.not-examined",
      outcome: "info",
      severity: "info",
      message:
        open.length === 0
          ? "No rule of the guide is left open"
          : `The grade leaves out ${open.length} rules of the guide that this version cannot examine here`,
      evidence: open.map(({ title, missing }) => `${title} (needs ${missing})`).join("; "),
      reference: "SSL Server Rating Guide 2009r",
      fix: null,
    },
  ];
}

function finding({ id, title, reference, missing }: Unexamined, needed: Statement): Finding {
  const common = { id: `ssllabs.${id}`, severity: "info", reference, fix: null } as const;
  if (needed.truth === false)
    return { ...common, outcome: "pass", message: `${title}: not possible here`, evidence: needed.because };
  return {
    ...common,
    outcome: "unknown",
    message: `${title}: not examined in this version`,
    evidence: `${needed.because}; would need ${missing}`,
  };
}
