import type { CertificateSeen, ChainSeen, Observations } from "../../probe/index.ts";
import { someCertificate, someChain } from "../facts.ts";
import { defect, no, stated, unknown, yes } from "../verdict.ts";
import type { Statement, Verdict } from "../verdict.ts";
import { describeKey, rsaEquivalent } from "./strength.ts";

export function nameMismatch(observations: Observations): Verdict {
  const mismatch = someChain(observations, (chain) =>
    stated(chain.nameMatches, (matches) => {
      const names = `names: ${(chain.certificates[0]?.names ?? []).slice(0, 5).join(", ")}`;
      return matches ? no(names) : yes(names);
    }),
  );
  return defect(mismatch, {
    fail: "The certificate is for another name",
    pass: "The certificate is for this name",
    open: "Whether the certificate is for this name is not known",
  });
}

export function notValidNow(observations: Observations): Verdict {
  const invalid = someChain(observations, (chain) => {
    const [leaf] = chain.certificates;
    if (chain.validNow) return no(leaf === undefined ? "" : datesOf(leaf));
    const outside = chain.certificates.filter((certificate) => !isWithin(certificate, observations.time));
    return yes((outside.length > 0 ? outside : chain.certificates.slice(0, 1)).map(named).join("; "));
  });
  return defect(invalid, {
    fail: "The certificate is expired or not yet valid",
    pass: "The certificate is within its dates",
    open: "Whether the certificate is within its dates is not known",
  });
}

/** An anchor that only this machine knows is no public trust, whatever it says of the chain. */
export function untrusted(observations: Observations): Verdict {
  const bad = someChain(observations, (chain) =>
    stated(chain.trust, ({ trusted, local, anchor, reason }) => {
      if (!trusted) return yes(reason ?? "no path to a trusted root");
      return local
        ? yes(`it ends in the local authority ${anchor ?? ""}`.trimEnd())
        : no(anchor ?? "a path to a trusted root");
    }),
  );
  return defect(bad, {
    fail: "The chain is not publicly trusted",
    pass: "The chain is publicly trusted",
    open: "Whether the chain is trusted is not known",
  });
}

/**
 * Complete when it ends in a self-signed certificate, or when the trusted root issued one of those sent. A path that needed another
 * certificate in between is incomplete. Without any known root it cannot be told whether one is missing.
 */
export function chainIncomplete(observations: Observations): Verdict {
  return defect(someChain(observations, incomplete), {
    fail: "The chain lacks intermediate certificates",
    pass: "The chain is complete",
    open: "Whether intermediate certificates are missing is not known",
  });
}

export const md5Signature = (observations: Observations): Verdict =>
  signedWith(observations, /md-?[25](?!\d)/i, "MD2 or MD5");
export const sha1Signature = (observations: Observations): Verdict =>
  signedWith(observations, /sha-?1(?!\d)/i, "SHA-1");

export const keyBelow1024 = (observations: Observations): Verdict => keyBelow(observations, 1024);
export const keyBelow2048 = (observations: Observations): Verdict => keyBelow(observations, 2048);

export function exponentOne(observations: Observations): Verdict {
  const one = someCertificate(observations, ({ key }, leaf) => {
    if (!leaf || key.type !== "RSA") return no("");
    if (key.exponent === null || !/^(0x[0-9a-f]+|\d+)$/i.test(key.exponent))
      return unknown("the exponent was not read");
    return BigInt(key.exponent) === 1n ? yes("public exponent 1") : no(`public exponent ${key.exponent}`);
  });
  return defect(one, {
    fail: "The RSA key has the public exponent 1",
    pass: "No RSA key with the public exponent 1",
    open: "The public exponent of the RSA key is not known",
  });
}

function incomplete(chain: ChainSeen): Statement {
  const { certificates } = chain;
  const last = certificates.at(-1);
  if (last === undefined) return unknown("no certificate was seen");
  if (last.selfSigned) return no(`${certificates.length} sent, up to a self-signed one`);
  return stated(chain.trust, ({ trusted, anchor }) => {
    if (!trusted) return unknown("its end is not known here; give the authority to tell");
    if (anchor === null) return no(`${certificates.length} sent`);
    const reached = certificates.some(({ issuer, subject }) =>
      [issuer, subject].some((name) => commonName(name) === commonName(anchor)),
    );
    return reached
      ? no(`${certificates.length} sent, up to ${anchor}`)
      : yes(`none of the ${certificates.length} sent is issued by ${anchor}`);
  });
}

function named(certificate: CertificateSeen): string {
  return `${certificate.subject}: ${datesOf(certificate)}`;
}

function datesOf({ notBefore, notAfter }: CertificateSeen): string {
  return `${notBefore} to ${notAfter}`;
}

function isWithin({ notBefore, notAfter }: CertificateSeen, time: string): boolean {
  const at = Date.parse(time);
  return Date.parse(notBefore) <= at && at <= Date.parse(notAfter);
}

/** The CN of a distinguished name in any of the usual spellings; a name without one as it is. */
function commonName(name: string): string {
  return (/(?:^|[,/\n+]\s*)CN\s*=\s*([^,/\n+]+)/i.exec(name)?.[1] ?? name).trim();
}

/** Names of signatures that tell which hash they use; RSASSA-PSS by itself, or a bare identifier, does not. */
const namesHash = /sha-?(1|2|3|512)|md-?[25](?!\d)|ed25519|ed448|ml-dsa|slh-dsa/i;

/** A root's own signature protects nothing and is not looked at; the server's own certificate always is. */
function signedWith(observations: Observations, pattern: RegExp, title: string): Verdict {
  const found = someCertificate(observations, (certificate, leaf) => {
    if (!leaf && certificate.selfSigned) return no("");
    const text = `${certificate.subject}: ${certificate.signature}`;
    if (pattern.test(certificate.signature)) return yes(text);
    return namesHash.test(certificate.signature) ? no(text) : unknown(`${text} does not tell its hash`);
  });
  return defect(found, {
    fail: `A certificate is signed with ${title}`,
    pass: `No certificate is signed with ${title}`,
    open: "How the certificates are signed is not known",
  });
}

function keyBelow(observations: Observations, limit: number): Verdict {
  const small = someCertificate(observations, (certificate, leaf) => (leaf ? leafBelow(certificate, limit) : no("")));
  return defect(small, {
    fail: `The certificate's key is weaker than RSA with ${limit} bits`,
    pass: `The certificate's key is as strong as RSA with ${limit} bits`,
    open: "The strength of the certificate's key is not known",
  });
}

function leafBelow({ key }: CertificateSeen, limit: number): Statement {
  const bits = rsaEquivalent(key);
  if (bits === null) return unknown(`key of unknown strength: ${describeKey(key)}`);
  return bits < limit ? yes(describeKey(key)) : no(describeKey(key));
}
