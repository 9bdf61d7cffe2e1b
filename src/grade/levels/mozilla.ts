/**
 * Whether a server departs from one of Mozilla's profiles. What a profile lists is what may be offered; of the protocols the newest must be.
 * Who chooses the suite is not judged: the guideline leaves the order to the client because all that it lists is good.
 */
import type { CertificateSeen, Observations } from "../../probe/index.ts";
import { listed, offers, protocolNames, someChain, someSuite } from "../facts.ts";
import { mozilla60, profiles } from "../rulebooks/mozilla-6.0.ts";
import type { MozillaProfile } from "../rulebooks/mozilla-6.0.ts";
import { usesGroups } from "../suites.ts";
import type { Finding, Judgement, LevelResult } from "../types.ts";
import { allOf, anyOf, no, not, stated, unknown, yes } from "../verdict.ts";
import type { Statement } from "../verdict.ts";

interface MozillaRule {
  readonly id: string;
  /** The guideline's own key. */
  readonly key: string;
  readonly title: string;
  readonly fix: string;
  /** True where the server departs from the profile. */
  readonly departs: (profile: MozillaProfile, observations: Observations) => Statement;
}

const rules: readonly MozillaRule[] = [
  {
    id: "protocols",
    key: "tls_versions",
    title: "protocols",
    fix: "Offer only the protocols of the profile, TLS 1.3 among them",
    departs: protocols,
  },
  {
    id: "suites",
    key: "ciphersuites, ciphers",
    title: "cipher suites",
    fix: "Offer only the suites of the profile",
    departs: suites,
  },
  {
    id: "groups",
    key: "tls_curves",
    title: "groups",
    fix: "Offer only X25519MLKEM768, X25519, P-256 and P-384",
    departs: groups,
  },
  {
    id: "certificate-key",
    key: "certificate_types, certificate_curves, rsa_key_size",
    title: "certificate key",
    fix: "Make a new key: ECDSA P-256",
    departs: (profile, observations) => ofLeaf(observations, (leaf) => wrongKey(profile, leaf)),
  },
  {
    id: "certificate-signature",
    key: "certificate_signatures",
    title: "certificate signature",
    fix: "Use a certificate that its authority signs with ECDSA and SHA-256 or better",
    departs: ({ certificateSignatures }, observations) =>
      ofLeaf(observations, ({ signature }) =>
        certificateSignatures.some((pattern) => pattern.test(signature)) ? no(signature) : yes(signature),
      ),
  },
  {
    id: "certificate-lifespan",
    key: "maximum_certificate_lifespan",
    title: "certificate lifespan",
    fix: "Use certificates of 90 days, renewed automatically",
    departs: ({ certificateDays }, observations) => ofLeaf(observations, (leaf) => longLived(leaf, certificateDays)),
  },
  {
    id: "hsts",
    key: "hsts_min_age",
    title: "HSTS",
    fix: "Send Strict-Transport-Security: max-age=63072000",
    departs: ({ hsts: least }, { http }) =>
      stated(http, ({ hsts }) => {
        if (!hsts.present) return yes("no Strict-Transport-Security header");
        const text = hsts.maxAge === null ? "no usable max-age" : `max-age=${hsts.maxAge}`;
        return (hsts.maxAge ?? 0) < least ? yes(`${text}, below ${least}`) : no(text);
      }),
  },
  {
    id: "stapling",
    key: "ocsp_staple",
    title: "stapled status",
    fix: "Turn stapling on",
    departs: ({ stapling }, observations) => (stapling ? unstapled(observations) : no("not asked for")),
  },
];

/** The strictest profile that the server keeps to: `modern`, `intermediate` or `none`; a finding per profile and rule. */
export function judgeMozilla(observations: Observations): Judgement {
  const judged = profiles.map((profile, index) => {
    const next = profiles[index + 1]?.id ?? "none";
    const each = rules.map((rule) => ({ rule, statement: rule.departs(profile, observations) }));
    return { profile, next, each, complies: not(anyOf(each.map(({ statement }) => statement))) };
  });
  const findings = judged.flatMap(({ profile, each }) =>
    each.map(({ rule, statement }) => finding(profile, rule, statement)),
  );
  return { result: resultOf(judged), findings };
}

interface JudgedProfile {
  readonly profile: MozillaProfile;
  /** The level that a departure from this profile still allows. */
  readonly next: string;
  readonly each: readonly { readonly rule: MozillaRule; readonly statement: Statement }[];
  readonly complies: Statement;
}

function resultOf(judged: readonly JudgedProfile[]): LevelResult {
  const open = judged.find(({ complies }) => complies.truth !== false);
  const level = open === undefined ? "none" : open.complies.truth === true ? open.profile.id : null;
  const limits = judged.toReversed().flatMap(({ profile, next, each }) =>
    each
      .filter(({ statement }) => statement.truth === true)
      .map(({ rule, statement }) => ({
        level: next,
        finding: idOf(profile, rule),
        reason: `${rule.title}: ${statement.because}`,
        reference: referenceOf(profile, rule),
      })),
  );
  const unknowns = (open?.each ?? []).filter(({ statement }) => statement.truth === "unknown");
  return {
    level,
    limits,
    profiles: Object.fromEntries(
      judged.map(({ profile, complies }) => [profile.id, complies.truth === "unknown" ? null : complies.truth]),
    ),
    incomplete: level === null ? unknowns.map(({ rule, statement }) => `${rule.title}: ${statement.because}`) : [],
  };
}

function finding(profile: MozillaProfile, rule: MozillaRule, { truth, because }: Statement): Finding {
  const outcome = truth === "unknown" ? "unknown" : truth ? "fail" : "pass";
  const said = { fail: "departs from", pass: "keeps to", unknown: "may depart from" }[outcome];
  return {
    id: idOf(profile, rule),
    outcome,
    severity: outcome === "fail" ? "low" : "info",
    message: `Mozilla ${profile.id}, ${rule.title}: the server ${said} the profile`,
    evidence: because,
    reference: referenceOf(profile, rule),
    fix: outcome === "fail" ? rule.fix : null,
  };
}

const idOf = (profile: MozillaProfile, rule: MozillaRule): string => `${mozilla60.id}-${profile.id}.${rule.id}`;
const referenceOf = (profile: MozillaProfile, rule: MozillaRule): string =>
  `${mozilla60.title}, ${profile.id}: ${rule.key}`;

function protocols(profile: MozillaProfile, observations: Observations): Statement {
  const surplus = protocolNames
    .filter((name) => !profile.protocols.includes(name))
    .map((name) => offers(observations, name));
  const { truth, because } = offers(observations, "TLSv1.3");
  return anyOf([...surplus, not({ truth, because: truth === false ? "TLSv1.3 is not offered" : because })]);
}

function suites(profile: MozillaProfile, observations: Observations): Statement {
  return someSuite(observations, ({ name }) => !profile.suites.includes(name));
}

/** Groups that no suite uses are not in use. */
function groups(profile: MozillaProfile, observations: Observations): Statement {
  const surplus = stated(observations.groups, ({ groups: all }) => {
    const names = all.map(({ name }) => name);
    const more = names.filter((name) => !profile.groups.includes(name));
    return more.length > 0 ? yes(listed(more)) : no(listed(names));
  });
  const used = someSuite(observations, usesGroups);
  return used.truth === true ? surplus : allOf([used, surplus]);
}

/** True where it holds for the server's own certificate of any chain. */
function ofLeaf(observations: Observations, test: (leaf: CertificateSeen) => Statement): Statement {
  return someChain(observations, ({ certificates: [leaf] }) =>
    leaf === undefined ? unknown("no certificate was seen") : test(leaf),
  );
}

function wrongKey({ certificateCurves, rsaBits }: MozillaProfile, { key }: CertificateSeen): Statement {
  const text = `${key.type} ${key.curve ?? key.bits}`;
  if (key.type === "EC") return key.curve !== null && certificateCurves.includes(key.curve) ? no(text) : yes(text);
  if (key.type === "RSA" && rsaBits !== null) return key.bits >= rsaBits ? no(text) : yes(text);
  return key.type === "other" ? unknown("a key of unknown type") : yes(text);
}

const day = 86_400_000;

/** Both ends of the validity count (RFC 5280, section 4.1.2.5): 90 days may be one second short. */
function longLived({ notBefore, notAfter }: CertificateSeen, days: number): Statement {
  const span = (Date.parse(notAfter) - Date.parse(notBefore)) / day;
  if (Number.isNaN(span)) return unknown("its dates cannot be read");
  const text = `${Math.ceil(span)} days`;
  return span > days ? yes(`${text}, more than ${days}`) : no(text);
}

/** A certificate that names no responder has no status that could be stapled. */
function unstapled(observations: Observations): Statement {
  return someChain(observations, ({ certificates: [leaf], stapled }) => {
    if (leaf !== undefined && leaf.ocspUrls.length === 0 && !leaf.mustStaple) return no("it names no responder");
    return allOf([stated(stapled, (sent) => (sent ? no("a status is stapled") : yes("no status is stapled")))]);
  });
}
