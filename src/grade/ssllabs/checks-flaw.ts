/** Flaws of implementations: what probes saw, or why it cannot be there. */
import type { FlawName, Observations } from "../../probe/index.ts";
import { offersBeforeTls13, olderSuiteProtocols, someChain, someSuite } from "../facts.ts";
import { hasRsaKeyExchange, isCbc } from "../suites.ts";
import { allOf, anyOf, defect, inapplicable, no, notLooked, stated, unknown, yes } from "../verdict.ts";
import type { Statement, Verdict } from "../verdict.ts";

interface Flaw {
  readonly name: FlawName;
  readonly title: string;
  /** What the flaw cannot do without. Where nobody looked for the flaw, its absence still tells. */
  readonly needs: (observations: Observations) => Statement;
}

const cbc = (observations: Observations): Statement => someSuite(observations, isCbc, olderSuiteProtocols);
const rsa = (observations: Observations): Statement => someSuite(observations, hasRsaKeyExchange, olderSuiteProtocols);
const ticket12 = (observations: Observations): Statement =>
  allOf([
    offersBeforeTls13(observations),
    stated(observations.tickets, ({ tls12 }) => {
      if (tls12 === null) return unknown("TLS 1.2 tickets were not seen");
      return tls12 ? yes("TLS 1.2 tickets are issued") : no("no TLS 1.2 tickets are issued");
    }),
  ]);

const check =
  (flaw: Flaw) =>
  (observations: Observations): Verdict =>
    judged(flaw, observations);

export const heartbleed = check({ name: "heartbleed", title: "Heartbleed", needs: offersBeforeTls13 });
export const ccsInjection = check({ name: "ccs-injection", title: "CCS injection", needs: offersBeforeTls13 });
export const ticketbleed = check({ name: "ticketbleed", title: "Ticketbleed", needs: ticket12 });
export const robot = check({ name: "robot", title: "ROBOT", needs: rsa });
export const poodleTls = check({ name: "poodle-tls", title: "POODLE against TLS", needs: cbc });
export const zombiePoodle = check({ name: "zombie-poodle", title: "Zombie POODLE", needs: cbc });
export const goldendoodle = check({ name: "goldendoodle", title: "GOLDENDOODLE", needs: cbc });
export const sleepingPoodle = check({ name: "sleeping-poodle", title: "Sleeping POODLE", needs: cbc });
export const zeroLength = check({ name: "zero-length", title: "0-length padding oracle", needs: cbc });
export const luckyMinus20 = check({ name: "lucky-minus-20", title: "OpenSSL padding oracle", needs: cbc });
export const insecureRenegotiation = check({
  name: "insecure-renegotiation",
  title: "Insecure renegotiation",
  needs: offersBeforeTls13,
});
/** No rule of SSL Labs; general findings ask for it. */
export const ocspExtension = check({
  name: "ocsp-extension",
  title: "Over-read in the parser of the status request",
  needs: offersBeforeTls13,
});

function judged({ name, title, needs }: Flaw, observations: Observations): Verdict {
  const outcome = observations.flaws[name];
  if (outcome.state === "observed") {
    const { present, evidence } = outcome.value;
    return defect(present ? yes(evidence) : no(evidence), {
      fail: `${title}: the server is vulnerable`,
      pass: `${title}: the server is not vulnerable`,
      open: title,
    });
  }
  const absent = inapplicable(outcome);
  if (absent !== null) return impossible(title, absent);
  if (outcome.why !== notLooked) return { outcome: "unknown", message: `${title}: not known`, evidence: outcome.why };
  const needed = needs(observations);
  if (needed.truth === false) return impossible(title, needed.because);
  return unexamined(title, `${needed.because}; ${notLooked}`);
}

/**
 * A revoked certificate, by what the server itself staples. A response that is missing leaves revocation unexamined: only the authority's
 * responder could tell. One that was sent and proves nothing leaves the grade open: it may say "revoked".
 */
export function revoked(observations: Observations): Verdict {
  const title = "Revoked certificate";
  const said = someChain(observations, ({ staple }) => stated(staple, revocation, "stapled status: "));
  const { certificates } = observations;
  if (said.truth === "unknown" && certificates.state === "observed" && certificates.value.length > 0) {
    const sent = certificates.value.filter(({ staple }) => staple.state !== "untestable");
    if (anyOf(sent.map(({ staple }) => stated(staple, revocation))).truth === false)
      return unexamined(title, "needs the answer of the certificate's status responder; none is stapled");
  }
  return defect(said, {
    fail: "The certificate is revoked",
    pass: `${title}: not revoked`,
    open: `${title}: not known`,
  });
}

/** Public-Key-Pins: its form can be judged, its pins cannot, for want of the keys' digests. No header is no such header. */
export function publicKeyPins(observations: Observations): Verdict {
  const title = "Invalid Public-Key-Pins";
  const { http } = observations;
  const header = http.state === "observed" ? pinsHeader(http.value.headers) : undefined;
  const wrong = header === undefined ? [] : pinProblems(header);
  if (header !== undefined && wrong.length === 0)
    return unexamined(title, "a Public-Key-Pins header of good form is sent; needs the digests of the chain's keys");
  const invalid = stated(http, () =>
    header === undefined ? no("no Public-Key-Pins header is sent") : yes(`${wrong.join("; ")}: ${header}`),
  );
  return defect(invalid, {
    fail: "The Public-Key-Pins header is invalid",
    pass: `${title}: no such header`,
    open: `${title}: not known`,
  });
}

function revocation({
  status,
  problems,
}: {
  readonly status: string;
  readonly problems: readonly string[];
}): Statement {
  if (problems.length > 0) return unknown(`says ${status}, but ${problems.join("; ")}`);
  if (status === "unknown") return unknown("the responder does not know the certificate");
  return status === "revoked" ? yes("the stapled status is: revoked") : no(`the stapled status is: ${status}`);
}

function pinsHeader(headers: Readonly<Record<string, string>>): string | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "public-key-pins")?.[1];
}

/** RFC 7469, section 2.1: max-age, and pins of 32 bytes, one of them for a key in reserve. */
function pinProblems(header: string): readonly string[] {
  const pins = [...header.matchAll(/pin-sha256\s*=\s*"([^"]*)"/gi)].map(([, pin = ""]) => pin);
  return [
    ...(/(^|;)\s*max-age\s*=\s*"?\d+/i.test(header) ? [] : ["max-age is missing"]),
    ...(new Set(pins).size < 2 ? ["fewer than two pins"] : []),
    ...(pins.every((pin) => /^[A-Za-z0-9+/]{43}=$/.test(pin)) ? [] : ["a pin is not the Base64 of 32 bytes"]),
  ];
}

function impossible(title: string, why: string): Verdict {
  return { outcome: "pass", message: `${title}: not possible here`, evidence: why };
}

function unexamined(title: string, why: string): Verdict {
  return { outcome: "unknown", message: `${title}: not examined in this version`, evidence: why, examined: false };
}
