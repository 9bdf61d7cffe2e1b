/** What extensions do, and what they let others do. */
import type { Observations } from "../../probe/index.ts";
import { listed, offers, someSuite, olderSuiteProtocols } from "../facts.ts";
import { isCbc } from "../suites.ts";
import type { Finding } from "../types.ts";
import { information, remark } from "./remark.ts";

export function extensionFindings(observations: Observations): readonly Finding[] {
  return [
    extendedMasterSecret(observations),
    encryptThenMac(observations),
    heartbeat(observations),
    downgradeSentinel(observations),
    signatureSchemes(observations),
    alpn(observations),
    applicationProtocols(observations),
    encryptedClientHello(observations),
    withoutServerName(observations),
    clientCertificate(observations),
    nextProtocols(observations),
    retryCookie(observations),
    serverRandom(observations),
  ];
}

function extendedMasterSecret({ extendedMasterSecret: outcome }: Observations): Finding {
  const topic = { id: "extended-master-secret", title: "Extended master secret", reference: "RFC 7627" };
  return remark(topic, outcome, (supported) =>
    supported
      ? { message: "Extended master secret is supported", fine: true }
      : {
          message: "Extended master secret is not supported",
          severity: "medium",
          fix: "Use a TLS library with RFC 7627",
        },
  );
}

/** Matters only where there is a CBC suite to protect. */
function encryptThenMac(observations: Observations): Finding {
  const topic = { id: "encrypt-then-mac", title: "Encrypt-then-MAC", reference: "RFC 7366" };
  const cbc = someSuite(observations, isCbc, olderSuiteProtocols);
  if (cbc.truth === false)
    return information(topic, { message: `${topic.title}: no CBC suite needs it`, evidence: cbc.because, fine: true });
  return remark(topic, observations.encryptThenMac, (supported) =>
    supported
      ? { message: "Encrypt-then-MAC is supported", fine: true }
      : { message: "CBC suites are offered without encrypt-then-MAC", severity: "low", fix: "Remove the CBC suites" },
  );
}

function heartbeat({ heartbeat: outcome }: Observations): Finding {
  const topic = { id: "heartbeat", title: "Heartbeat", reference: "RFC 6520" };
  return remark(topic, outcome, (on) =>
    on
      ? {
          message: "The heartbeat extension is on, and nothing on the web needs it",
          severity: "low",
          fix: "Turn it off",
        }
      : { message: "The heartbeat extension is off", fine: true },
  );
}

function downgradeSentinel({ downgradeSentinel: outcome }: Observations): Finding {
  const topic = { id: "downgrade-sentinel", title: "Downgrade sentinel", reference: "RFC 8446, section 4.1.3" };
  return remark(topic, outcome, (marked) =>
    marked
      ? { message: "Downgrades are marked", fine: true }
      : { message: "A downgrade to TLS 1.2 is not marked in the server's random value", severity: "low" },
  );
}

/** SHA-1 in a handshake signature can be forged by who finds collisions in time (SLOTH). */
function signatureSchemes(observations: Observations): Finding {
  const topic = { id: "signature-schemes", title: "Signature schemes", reference: "RFC 9155; RFC 8446, section 4.2.3" };
  const each = (["TLSv1.3", "TLSv1.2"] as const)
    .filter((protocol) => offers(observations, protocol).truth !== false)
    .map((protocol) => ({ protocol, outcome: observations.signatureSchemes[protocol] }));
  const seen = each.flatMap(({ protocol, outcome }) =>
    outcome?.state === "observed" ? [{ protocol, schemes: outcome.value }] : [],
  );
  const weak = seen.flatMap(({ schemes }) => schemes).filter((scheme) => /sha-?1(?!\d)|md5/i.test(scheme));
  const evidence = seen.map(({ protocol, schemes }) => `${protocol}: ${schemes.join(", ")}`).join("; ");
  if (weak.length > 0) {
    const message = `The server signs with ${[...new Set(weak)].join(", ")}`;
    return information(topic, { message, evidence, severity: "low", fix: "Sign with SHA-256 or better only" });
  }
  const [gap] = each.filter(({ outcome }) => outcome?.state !== "observed");
  if (gap === undefined)
    return information(topic, { message: "The server signs with SHA-256 or better only", evidence, fine: true });
  return remark(topic, gap.outcome, () => ({ message: "" }));
}

function alpn({ alpn: outcome }: Observations): Finding {
  const topic = { id: "alpn", title: "Application protocol", reference: "RFC 7301" };
  return remark(topic, outcome, (name) => ({
    message: name === null ? "No application protocol is negotiated" : `Application protocol: ${name}`,
  }));
}

function applicationProtocols({ applicationProtocols: outcome }: Observations): Finding {
  const topic = { id: "application-protocols", title: "Application protocols", reference: "RFC 7301" };
  return remark(topic, outcome, (names) => {
    if (names.length === 0) return { message: "No application protocol is taken when it is asked for alone" };
    const draft = names.filter((name) => name.startsWith("spdy/"));
    if (draft.length === 0) return { message: `Application protocols: ${names.join(", ")}` };
    return {
      message: `Outdated application protocols: ${draft.join(", ")}`,
      evidence: names.join(", "),
      severity: "low",
    };
  });
}

function encryptedClientHello({ encryptedClientHello: outcome }: Observations): Finding {
  const topic = { id: "encrypted-client-hello", title: "Encrypted ClientHello", reference: "RFC 9849" };
  return remark(topic, outcome, (offered) => ({
    message: offered
      ? "Encrypted ClientHello is offered"
      : "Encrypted ClientHello is not offered: server names can be read on the way",
  }));
}

function withoutServerName({ withoutServerName: outcome, certificates }: Observations): Finding {
  const topic = { id: "without-server-name", title: "Without a server name", reference: "RFC 6066, section 3" };
  return remark(topic, outcome, (sha256) => {
    if (sha256 === null) return { message: "Without a server name the handshake is refused" };
    const known =
      certificates.state === "observed" && certificates.value.some((chain) => chain.certificates[0]?.sha256 === sha256);
    const same = known ? "the same certificate is" : "another certificate is";
    return { message: `Without a server name ${same} sent`, evidence: `SHA-256 ${sha256}` };
  });
}

function clientCertificate({ clientCertificateRequested: outcome, clientAuthorities }: Observations): Finding {
  const topic = { id: "client-certificate", title: "Certificates of clients", reference: "RFC 8446, section 4.3.2" };
  return remark(topic, outcome, (requested) =>
    requested
      ? { message: "Clients are asked for a certificate", evidence: authorities(clientAuthorities) }
      : { message: "Clients are not asked for a certificate", fine: true },
  );
}

function authorities(outcome: Observations["clientAuthorities"]): string {
  if (outcome.state !== "observed") return `of which authorities: ${outcome.why}`;
  return outcome.value.length === 0 ? "of no authority by name" : `of ${listed(outcome.value)}`;
}

function nextProtocols({ nextProtocols: outcome }: Observations): Finding {
  const topic = { id: "next-protocols", title: "NPN", reference: "draft-agl-tls-nextprotoneg-04; RFC 7301" };
  return remark(topic, outcome, (names) => {
    if (names === null) return { message: "NPN, which ALPN replaced, is not supported", fine: true };
    const which = names.length === 0 ? "without a protocol" : names.join(", ");
    return {
      message: `NPN, which ALPN replaced, is still supported: ${which}`,
      fix: "Use ALPN only, or update the TLS library",
    };
  });
}

function retryCookie({ retryCookie: outcome }: Observations): Finding {
  const topic = { id: "retry-cookie", title: "Cookie of HelloRetryRequest", reference: "RFC 8446, section 4.2.2" };
  return remark(topic, outcome, (sent) =>
    sent
      ? { message: "HelloRetryRequest carries a cookie" }
      : { message: "HelloRetryRequest carries no cookie", fine: true },
  );
}

/** A clock that is off by more than this makes trouble with certificates and stapled responses. */
const mostSkew = 60;

/**
 * Skew is measured against the beginning of the look, and what was measured came at any time until its end: a clock that is right may seem ahead by all of
 * that, and never behind.
 */
function serverRandom({ serverRandom: outcome, seconds }: Observations): Finding {
  const topic = {
    id: "server-random",
    title: "Random values of the server",
    reference: "RFC 8446, section 4.1.3; RFC 5246, section 7.4.1.2",
  };
  return remark(topic, outcome, ({ seen, distinct, clockSkewSeconds: skew }) => {
    const evidence = `${distinct} different of ${seen}`;
    if (distinct < seen) {
      const message = "Random values of the server are used more than once";
      return { message, evidence, severity: "high", fix: "Find out why the server's generator repeats itself" };
    }
    if (seen < 2) return { message: "Too few random values of the server were seen to tell whether they repeat" };
    if (skew === null)
      return { message: "The random values of the server differ and do not tell its time", evidence, fine: true };
    const message = `The random values of the server begin with its clock, which is ${ahead(skew, seconds)}`;
    return skew < -mostSkew || skew > mostSkew + seconds
      ? { message, evidence, severity: "low", fix: "Set the server's clock by NTP" }
      : { message, evidence };
  });
}

function ahead(skew: number, seconds: number): string {
  // Both clocks are cut to whole seconds.
  if (skew >= 0 && skew <= Math.ceil(seconds)) return "the same as here, as far as a look of this length can tell";
  const spread = Math.floor(seconds);
  const [least, most] = skew > 0 ? [skew - spread, skew] : [-skew, -skew + spread];
  return `${spread === 0 ? "" : `${least} to `}${most} s ${skew > 0 ? "ahead" : "behind"}`;
}
