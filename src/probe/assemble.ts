import { harvestChains } from "./certificates/chains.ts";
import { withMatches } from "./dns/index.ts";
import { harvestFeatures, ticket12In } from "./features/features.ts";
import { harvestHellos } from "./features/hellos.ts";
import type { Facts } from "./graph.ts";
import type { Look } from "./look.ts";
import { http3Of } from "./http/http3.ts";
import { failed, observed, valueOf, type Unknown } from "./outcome.ts";
import { olderProtocols, suiteProtocols, versionsOf, withoutSuites, type VersionsSeen } from "./suites/versions.ts";
import type { TrustStore } from "./certificates/trust.ts";
import type {
  FlawName,
  Observations,
  Outcome,
  ProtocolName,
  ProtocolSupport,
  SuiteProtocol,
  SuitesSeen,
} from "./types.ts";

/** All facts as observations. */
export async function assemble(look: Look, facts: Facts, store: TrustStore): Promise<Omit<Observations, "seconds">> {
  const protocols = protocolsOf(facts);
  const versions = versionsOf(facts);
  const leftOut = look.leftOut();
  const certificates =
    leftOut === null
      ? await harvestChains(look.flights, { target: look.target, store, now: look.now })
      : failed(leftOut);
  return {
    ...headOf(look),
    protocols,
    cipherSuites: suitesOf(facts),
    groups: facts.groups,
    keyShares: facts.keyShares,
    certificates: certificates ?? withoutCertificate(versions),
    tickets: ticketsOf(look, facts),
    alpn: facts.exchange.alpn,
    http: facts.exchange.http,
    ...harvestFeatures(look.flights, versions),
    ...harvestHellos(look.flights, { versions, now: look.now }),
    signatureSchemes: signaturesOf(facts),
    keyUpdate: facts.exchange.keyUpdate,
    encryptedClientHello: facts.exchange.encryptedClientHello,
    fallbackScsv: facts.fallback,
    applicationProtocols: facts.protocols,
    resumption: facts.resumption,
    withoutServerName: facts.nameless,
    tolerance: facts.tolerance,
    dhParameters: dhOf(facts, versions),
    redirect: facts.redirect,
    dns: await withMatches(facts.dns, { flights: look.flights, leftOut }),
    http3: http3Of(facts.quic, facts.exchange.http),
    ...facts.flaws,
    ...costOf(look),
  };
}

/** Observations of a host that does not speak TLS: nothing was seen, and nothing passes. */
export function assembleFailed(look: Look, why: string): Omit<Observations, "seconds"> {
  return { ...headOf(look), ...unknownObservations(failed(why)), ...costOf(look) };
}

/** All that can be observed, unknown for one reason. */
export function unknownObservations(unknown: Unknown) {
  return {
    protocols: {
      SSLv2: unknown,
      SSLv3: unknown,
      "TLSv1.0": unknown,
      "TLSv1.1": unknown,
      "TLSv1.2": unknown,
      "TLSv1.3": unknown,
    },
    cipherSuites: {},
    groups: unknown,
    keyShares: unknown,
    certificates: unknown,
    compression: unknown,
    secureRenegotiation: unknown,
    extendedMasterSecret: unknown,
    downgradeSentinel: unknown,
    tickets: unknown,
    alpn: unknown,
    http: unknown,
    ...unseen(unknown),
  };
}

/** Facts of probes that did not run. */
function unseen(unknown: Unknown) {
  return {
    encryptThenMac: unknown,
    heartbeat: unknown,
    fallbackScsv: unknown,
    signatureSchemes: {},
    dhParameters: unknown,
    resumption: { sessionId: unknown, ticket: unknown, psk: unknown },
    clientRenegotiation: unknown,
    applicationProtocols: unknown,
    keyUpdate: unknown,
    encryptedClientHello: unknown,
    clientCertificateRequested: unknown,
    clientAuthorities: unknown,
    nextProtocols: unknown,
    retryCookie: unknown,
    serverRandom: unknown,
    withoutServerName: unknown,
    tolerance: [],
    flaws: Object.fromEntries(Object.keys(everyFlaw).map((name) => [name, unknown])) as Record<FlawName, Unknown>,
    redirect: unknown,
    dns: { caa: unknown, tlsa: unknown, https: unknown },
    http3: unknown,
  };
}

/** Every flaw; the type makes sure of that. */
const everyFlaw: Readonly<Record<FlawName, true>> = {
  heartbleed: true,
  "ccs-injection": true,
  "ocsp-extension": true,
  ticketbleed: true,
  robot: true,
  "poodle-tls": true,
  "zombie-poodle": true,
  goldendoodle: true,
  "sleeping-poodle": true,
  "zero-length": true,
  "lucky-minus-20": true,
  "insecure-renegotiation": true,
};

function headOf(look: Look): Pick<Observations, "schema" | "time" | "target"> {
  return { schema: "tlsforge.observations/1", time: look.now.toISOString(), target: look.target };
}

function costOf(look: Look): Pick<Observations, "connections" | "bytesSent" | "bytesReceived"> {
  const { connections, bytesSent, bytesReceived } = look.tally;
  return { connections, bytesSent, bytesReceived };
}

function protocolsOf(facts: Facts): Record<ProtocolName, Outcome<ProtocolSupport>> {
  return {
    SSLv2: facts.ssl2,
    SSLv3: facts.ssl3.support,
    "TLSv1.0": facts.tls10.support,
    "TLSv1.1": facts.tls11.support,
    "TLSv1.2": facts.tls12.support,
    "TLSv1.3": facts.modern.support,
  };
}

/** Lists that are there, and why others that should be there are not. */
function suitesOf(facts: Facts): Observations["cipherSuites"] {
  const lists: [SuiteProtocol, Outcome<SuitesSeen> | undefined][] = [
    ["TLSv1.3", withGroup(facts.modern.suites, valueOf(facts.groups)?.negotiated ?? null)],
    ["TLSv1.2", facts.tls12.suites],
    ["TLSv1.1", facts.tls11.suites],
    ["TLSv1.0", facts.tls10.suites],
    ["SSLv3", facts.ssl3.suites],
  ];
  return Object.fromEntries(lists.filter(([, suites]) => suites !== undefined));
}

/** TLS 1.3 negotiates groups apart from suites (RFC 8446, 4.1.1): each goes with the one that is negotiated. */
function withGroup(seen: Outcome<SuitesSeen> | undefined, group: string | null): Outcome<SuitesSeen> | undefined {
  if (seen?.state !== "observed") return seen;
  return observed({ ...seen.value, suites: seen.value.suites.map((suite) => ({ ...suite, group })) });
}

/** Anonymous suites have none (RFC 5246, 7.4.2). */
function withoutCertificate(versions: VersionsSeen): Unknown {
  return withoutSuites(versions, {
    names: suiteProtocols,
    isMeant: ({ authentication }) => authentication !== "anon",
    without: "only anonymous suites are offered, which have no certificate",
    otherwise: "no certificate was seen",
  });
}

/** None seen means none where all lists of suites are known. */
function dhOf(facts: Facts, versions: VersionsSeen): Observations["dhParameters"] {
  if (facts.dh.length > 0) return observed(facts.dh);
  return withoutSuites(versions, {
    names: olderProtocols,
    isMeant: ({ keyExchange }) => keyExchange === "DHE",
    without: "no suite with finite-field Diffie-Hellman is offered",
    otherwise: "no parameters of finite-field Diffie-Hellman were seen",
  });
}

function signaturesOf({ modernSignatures, classicSignatures }: Facts): Observations["signatureSchemes"] {
  return {
    ...(classicSignatures === undefined ? {} : { "TLSv1.2": classicSignatures }),
    ...(modernSignatures === undefined ? {} : { "TLSv1.3": modernSignatures }),
  };
}

function ticketsOf(look: Look, facts: Facts): Observations["tickets"] {
  const tls12 = ticket12In(look.flights);
  const modern = facts.exchange.tickets;
  // Null stands for a version that is not offered, not for one that is not known.
  if (modern === null && facts.modern.support.state !== "observed") return facts.modern.support;
  if (tls12 === null && facts.tls12.support.state !== "observed") return facts.tls12.support;
  if (modern !== null && modern.state !== "observed") return modern;
  if (modern === null && tls12 === null)
    return failed("no handshake was completed, and no ServerHello of TLS 1.2 was seen");
  return observed({ tls13: modern?.value.count ?? null, tls12, earlyData: modern?.value.earlyData ?? false });
}
