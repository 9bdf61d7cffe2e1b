/** The items of NCSC-NL's guidelines that can be seen from outside, each with how it is rated. */
import type { CertificateSeen, Observations, Outcome } from "../../probe/index.ts";
import { offers, offersBeforeTls13, olderSuiteProtocols, protocolNames, someSuite, suitesOf } from "../facts.ts";
import {
  certificateSignatureLevels,
  curveLevels,
  dhLevels,
  groupLevels,
  protocolLevels,
  rsaLevels,
  signatureSchemeLevels,
  suiteLevels,
  unratedGroups,
} from "../rulebooks/ncsc-nl-2025.ts";
import type { LevelTable, NcscLevel } from "../rulebooks/ncsc-nl-2025.ts";
import { isFiniteFieldEphemeral, isUnregistered, usesGroups } from "../suites.ts";
import { inapplicable } from "../verdict.ts";

/** The levels of what was seen, and what was not seen that may be worse. */
export interface Rating {
  readonly known: readonly { readonly level: NcscLevel; readonly what: string }[];
  readonly gaps: readonly string[];
}

export interface NcscItem {
  readonly id: string;
  readonly title: string;
  /** Chapter or topic of the guidelines. */
  readonly section: string;
  readonly fix: string;
  readonly rate: (observations: Observations) => Rating;
}

export const items: readonly NcscItem[] = [
  {
    id: "protocols",
    title: "protocols",
    section: "3.3.1, versions",
    fix: "Offer TLS 1.3 and, if needed, TLS 1.2; turn the others off",
    rate: protocols,
  },
  {
    id: "suites",
    title: "cipher suites",
    section: "appendix B, from 3.3.3 and 3.3.4",
    fix: "Offer only suites of TLS 1.3 and ECDHE with AES-GCM, AES-CCM or ChaCha20-Poly1305",
    rate: suites,
  },
  {
    id: "groups",
    title: "groups",
    section: "3.3.2.1 and 3.3.3.1, elliptic curves and finite fields",
    fix: "Offer only X25519, X448, P-256, P-384, P-521 and their hybrids",
    rate: groups,
  },
  {
    id: "dh-parameters",
    title: "Diffie-Hellman parameters",
    section: "3.3.3.1, finite fields",
    fix: "Turn DHE off",
    rate: dhParameters,
  },
  {
    id: "certificate-key",
    title: "certificate key",
    section: "3.3.2.1, keys",
    fix: "Make a new key: ECDSA P-256, or RSA of 3072 bits",
    rate: certificateKeys,
  },
  {
    id: "certificate-signature",
    title: "certificate signatures",
    section: "3.3.2 and 3.3.5, signatures",
    fix: "Use certificates that are signed with SHA-256 or better",
    rate: certificateSignatures,
  },
  {
    id: "signature-hash",
    title: "hash functions for key exchange",
    section: "3.3.5, hash functions",
    fix: "Sign with SHA-256 or better only",
    rate: signatureSchemes,
  },
  {
    id: "compression",
    title: "TLS compression",
    section: "3.4.1, compression",
    fix: "Turn TLS compression off",
    rate: (observations) =>
      beforeTls13(observations, () => flag(observations.compression, { true: "insufficient", false: "good" }, "on")),
  },
  {
    id: "renegotiation",
    title: "renegotiation",
    section: "3.4.2, renegotiation",
    fix: "Turn renegotiation off",
    rate: renegotiation,
  },
  {
    id: "extended-master-secret",
    title: "extended master secret",
    section: "extended master secret",
    fix: "Use a TLS library with RFC 7627",
    rate: (observations) =>
      beforeTls13(observations, () =>
        flag(observations.extendedMasterSecret, { true: "good", false: "phase-out" }, "supported"),
      ),
  },
  {
    id: "early-data",
    title: "0-RTT",
    section: "0-RTT",
    fix: "Turn early data off",
    rate: earlyData,
  },
  {
    id: "stapling",
    title: "OCSP stapling",
    section: "OCSP stapling",
    fix: "Turn stapling on",
    rate: stapling,
  },
];

function protocols(observations: Observations): Rating {
  const each = protocolNames.map((name) => ({ name, offered: offers(observations, name) }));
  const offered = each.filter((one) => one.offered.truth === true);
  const gaps = each.filter((one) => one.offered.truth === "unknown").map((one) => one.offered.because);
  const nothing = offered.length === 0 && gaps.length === 0 ? ["no protocol is offered"] : [];
  return { known: offered.map(({ name }) => rated(protocolLevels, name)), gaps: [...gaps, ...nothing] };
}

function suites(observations: Observations): Rating {
  const { seen, gaps } = suitesOf(observations);
  const named = seen.filter(({ suite }) => !isUnregistered(suite));
  return { known: named.map(({ suite }) => rated(suiteLevels, suite.name)), gaps };
}

function groups(observations: Observations): Rating {
  const used = someSuite(observations, usesGroups);
  if (used.truth === false) return good("no suite uses a group");
  if (used.truth === "unknown") return { known: [], gaps: [used.because] };
  return rating(observations.groups, ({ groups: all }) => {
    const names = all.map(({ name }) => name);
    return {
      known: names.filter((name) => !unratedGroups.test(name)).map((name) => rated(groupLevels, name)),
      gaps: names.filter((name) => unratedGroups.test(name)).map((name) => `the guidelines do not rate ${name}`),
    };
  });
}

/** The bits of a suite tell what is too small; only the parameters tell whether larger ones are a published group. */
function dhParameters(observations: Observations): Rating {
  const { seen, gaps } = suitesOf(observations, olderSuiteProtocols);
  const bits = seen.filter(({ suite }) => isFiniteFieldEphemeral(suite)).map(({ suite }) => suite.dhBits);
  if (bits.length === 0) return gaps.length === 0 ? good("no finite-field DHE is offered") : { known: [], gaps };
  const least = Math.min(...bits.map((size) => size ?? Number.POSITIVE_INFINITY));
  if (least < 3072) return { known: [{ level: "insufficient", what: `${least} bits` }], gaps: [] };
  return rating(observations.dhParameters, (all) => ({
    known: all.map(({ known, bits: size }) => rated(dhLevels, known ?? `parameters of its own, ${size} bits`)),
    gaps: all.length === 0 ? ["no parameters were seen although DHE is offered"] : gaps,
  }));
}

function certificateKeys(observations: Observations): Rating {
  return ofCertificates(observations, (chain) => chain.slice(0, 1).map(({ key }) => keyLevel(key)));
}

function keyLevel(key: CertificateSeen["key"]): Rating["known"][number] | string {
  const what = `${key.type} ${key.curve ?? key.bits}`;
  if (key.type === "RSA") return { level: rsaLevels.find(([from]) => key.bits >= from)?.[1] ?? "insufficient", what };
  if (key.type === "EC") return { ...rated(curveLevels, key.curve ?? ""), what };
  if (key.type === "Ed25519" || key.type === "Ed448") return { level: "good", what: key.type };
  return key.type === "other" ? "a key of unknown type" : { level: "insufficient", what };
}

/** A root's own signature protects nothing. */
function certificateSignatures(observations: Observations): Rating {
  return ofCertificates(observations, (chain) =>
    chain
      .filter(({ selfSigned }, index) => index === 0 || !selfSigned)
      .map(({ signature }) =>
        /pss$|^[\d.]+$/i.test(signature)
          ? `${signature} does not tell its hash`
          : rated(certificateSignatureLevels, signature),
      ),
  );
}

function ofCertificates(
  { certificates }: Observations,
  rate: (chain: readonly CertificateSeen[]) => readonly (Rating["known"][number] | string)[],
): Rating {
  return rating(certificates, (chains) => {
    const each = chains.flatMap((chain) => rate(chain.certificates));
    return {
      known: each.filter((one) => typeof one !== "string"),
      gaps: each.length === 0 ? ["no certificate was seen"] : each.filter((one) => typeof one === "string"),
    };
  });
}

function signatureSchemes(observations: Observations): Rating {
  const each = (["TLSv1.2", "TLSv1.3"] as const).map((protocol): Rating => {
    const offered = offers(observations, protocol);
    if (offered.truth === false) return { known: [], gaps: [] };
    if (offered.truth === "unknown") return { known: [], gaps: [offered.because] };
    return rating(observations.signatureSchemes[protocol], (schemes) => ({
      known: schemes.map((scheme) => rated(signatureSchemeLevels, scheme)),
      gaps: [],
    }));
  });
  return together(each);
}

function renegotiation(observations: Observations): Rating {
  const flaw = observations.flaws["insecure-renegotiation"];
  return beforeTls13(observations, () =>
    together([
      flag(observations.secureRenegotiation, { true: "good", false: "insufficient" }, "secure renegotiation supported"),
      flag(observations.clientRenegotiation, { true: "phase-out", false: "good" }, "clients may renegotiate"),
      rating(flaw, ({ present }) => level(present ? "insufficient" : "good", "renegotiation is insecure: ", present)),
    ]),
  );
}

function earlyData(observations: Observations): Rating {
  const offered = offers(observations, "TLSv1.3");
  if (offered.truth === false) return good("TLS 1.3 is not offered");
  return rating(observations.tickets, ({ earlyData: on }) => level(on ? "insufficient" : "good", "early data: ", on));
}

function stapling({ certificates }: Observations): Rating {
  return rating(certificates, (chains) =>
    together(
      chains.map(({ certificates: [leaf], stapled }) =>
        leaf?.ocspUrls.length === 0
          ? good("the certificate names no responder")
          : flag(stapled, { true: "good", false: "sufficient" }, "status stapled"),
      ),
    ),
  );
}

/** What only protocols before TLS 1.3 have; a gap where it is not known whether there are any. */
function beforeTls13(observations: Observations, rate: () => Rating): Rating {
  const older = offersBeforeTls13(observations);
  if (older.truth === false) return good(older.because);
  return older.truth === true ? rate() : { known: [], gaps: [older.because] };
}

/** What an outcome is rated as; a fact that cannot exist here is good, any other unknown a gap. */
function rating<T>(outcome: Outcome<T> | undefined, rate: (value: T) => Rating): Rating {
  if (outcome === undefined) return { known: [], gaps: ["not looked at"] };
  if (outcome.state === "observed") return rate(outcome.value);
  const why = inapplicable(outcome);
  return why === null ? { known: [], gaps: [outcome.why] } : good(why);
}

function flag(
  outcome: Outcome<boolean>,
  levels: { readonly true: NcscLevel; readonly false: NcscLevel },
  what: string,
): Rating {
  return rating(outcome, (value) => level(levels[`${value}`], `${what}: `, value));
}

const level = (of: NcscLevel, what: string, value: boolean): Rating => ({
  known: [{ level: of, what: `${what}${value ? "yes" : "no"}` }],
  gaps: [],
});

const good = (what: string): Rating => ({ known: [{ level: "good", what }], gaps: [] });

const together = (ratings: readonly Rating[]): Rating => ({
  known: ratings.flatMap(({ known }) => known),
  gaps: ratings.flatMap(({ gaps }) => gaps),
});

const rated = (table: LevelTable, name: string): Rating["known"][number] => ({
  level: table.find(([pattern]) => pattern.test(name))?.[1] ?? "insufficient",
  what: name,
});
