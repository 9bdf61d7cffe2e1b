/** Findings that no rulebook grades and people ask for all the same. They inform; `severity` says how much they should worry. */
import type { Observations, Outcome } from "../probe/index.ts";
import { protocolNames } from "./facts.ts";
import type { Finding } from "./types.ts";

/** What is said of one observation once it is there; `severity` is `info` unless told. */
interface Remark {
  readonly message: string;
  readonly evidence?: string;
  readonly severity?: Finding["severity"];
  readonly fix?: string;
}

interface Topic {
  readonly id: string;
  readonly title: string;
  readonly reference: string;
}

export function generalFindings(observations: Observations): readonly Finding[] {
  return [
    postQuantum(observations),
    keyReuse(observations),
    tickets(observations),
    extendedMasterSecret(observations),
    downgradeSentinel(observations),
    suiteOrder(observations),
    alpn(observations),
    chainOrder(observations),
    stapling(observations),
    unusableProtocols(observations),
  ].flat();
}

function postQuantum({ groups }: Observations): Finding {
  const topic = { id: "post-quantum", title: "Post-quantum key exchange", reference: "draft-ietf-tls-ecdhe-mlkem" };
  return remark(topic, groups, ({ groups: all, negotiated }) => {
    const names = all.filter((group) => group.postQuantum).map(({ name }) => name);
    if (negotiated !== null && names.includes(negotiated)) {
      return { message: `Post-quantum hybrid negotiated: ${negotiated}`, evidence: `offered: ${names.join(", ")}` };
    }
    const fix = "Put X25519MLKEM768 first among the groups";
    if (names.length === 0) return { message: "No post-quantum group is offered", severity: "low", fix };
    return {
      message: `Post-quantum groups are offered but ${negotiated ?? "none"} was negotiated`,
      evidence: names.join(", "),
      severity: "low",
      fix,
    };
  });
}

function keyReuse({ keyShares }: Observations): Finding {
  const topic = { id: "key-reuse", title: "Fresh key shares", reference: "RFC 8446, section 2; RFC 9325, section 7.4" };
  return remark(topic, keyShares, ({ samples }) => {
    const evidence = samples
      .map(({ kind, group, seen, distinct }) => `${kind} ${group}: ${distinct} different of ${seen}`)
      .join("; ");
    if (samples.length === 0) return { message: "No ephemeral key was seen" };
    if (samples.some(({ seen, distinct }) => distinct < seen)) {
      return {
        message: "Ephemeral keys are used more than once",
        evidence,
        severity: "medium",
        fix: "Make a new ephemeral key for each handshake",
      };
    }
    if (samples.every(({ seen }) => seen < 2))
      return { message: "Too few ephemeral keys were seen to tell whether they are reused", evidence };
    return { message: "No ephemeral key was seen twice", evidence };
  });
}

function tickets(observations: Observations): Finding {
  const topic = { id: "tickets", title: "Session tickets", reference: "RFC 8446, section 4.6.1; RFC 5077" };
  return remark(topic, observations.tickets, ({ tls13, tls12, earlyData }) => {
    const count = (value: number | boolean | null): string => (value === null ? "not seen" : String(value));
    const evidence = `TLS 1.3 tickets: ${count(tls13)}; TLS 1.2 ticket: ${count(tls12)}; early data: ${earlyData ? "accepted" : "no"}`;
    if (earlyData)
      return { message: "Early data (0-RTT) is accepted: such requests can be replayed", evidence, severity: "low" };
    if ((tls13 ?? 0) > 0 || tls12 === true) {
      return { message: "Session tickets are issued; whether they resume was not tried", evidence };
    }
    if (tls13 === null || tls12 === null) {
      return { message: "No session ticket was seen", evidence };
    }
    return { message: "No session ticket is issued", evidence };
  });
}

function extendedMasterSecret({ extendedMasterSecret: outcome }: Observations): Finding {
  const topic = { id: "extended-master-secret", title: "Extended master secret", reference: "RFC 7627" };
  return remark(topic, outcome, (supported) =>
    supported
      ? { message: "Extended master secret is supported" }
      : {
          message: "Extended master secret is not supported",
          severity: "medium",
          fix: "Use a TLS library with RFC 7627",
        },
  );
}

function downgradeSentinel({ downgradeSentinel: outcome }: Observations): Finding {
  const topic = { id: "downgrade-sentinel", title: "Downgrade sentinel", reference: "RFC 8446, section 4.1.3" };
  return remark(topic, outcome, (marked) =>
    marked
      ? { message: "Downgrades are marked" }
      : { message: "A downgrade to TLS 1.2 is not marked in the server's random value", severity: "low" },
  );
}

function suiteOrder({ cipherSuites }: Observations): readonly Finding[] {
  const decided = Object.entries(cipherSuites).flatMap(([protocol, outcome]) =>
    outcome.state === "observed" ? [`${protocol}: ${outcome.value.preference}`] : [],
  );
  if (decided.length === 0) return [];
  return [
    information(
      "suite-order",
      { message: "Who chooses the suite", evidence: decided.join("; ") },
      "RFC 8446, section 4.1.1",
    ),
  ];
}

function alpn({ alpn: outcome }: Observations): Finding {
  const topic = { id: "alpn", title: "Application protocol", reference: "RFC 7301" };
  return remark(topic, outcome, (name) => ({
    message: name === null ? "No application protocol is negotiated" : `Application protocol: ${name}`,
  }));
}

function chainOrder({ certificates }: Observations): Finding {
  const topic = {
    id: "chain-order",
    title: "Order of the chain",
    reference: "RFC 5246, section 7.4.2; RFC 8446, section 4.4.2",
  };
  return remark(topic, certificates, (chains) => {
    if (chains.every(({ ordered }) => ordered)) return { message: "Each certificate is followed by its issuer's" };
    const fix = "Send the server's certificate first, then each issuer's in turn";
    return { message: "The certificates are not in order, or some do not belong", severity: "low", fix };
  });
}

function stapling({ certificates }: Observations): readonly Finding[] {
  if (certificates.state !== "observed") return [];
  const topic = { id: "stapling", title: "Stapled status", reference: "RFC 6961, RFC 7633" };
  return certificates.value.map((chain, index) => {
    const leaf = chain.certificates[0];
    return remark({ ...topic, id: index === 0 ? topic.id : `${topic.id}-${index + 1}` }, chain.stapled, (stapled) => {
      if (stapled) return { message: `The ${chain.keyType} certificate comes with its status` };
      if (leaf?.mustStaple === true) {
        return {
          message: `The ${chain.keyType} certificate demands a stapled status and none is sent`,
          severity: "high",
          fix: "Turn stapling on",
        };
      }
      const evidence = leaf?.ocspUrls.length === 0 ? "it names no responder" : "";
      return { message: `The ${chain.keyType} certificate comes without its status`, evidence };
    });
  });
}

/** Alert 80 to a hello: the protocol is on, and the server cannot use it with what it has. */
function unusableProtocols({ protocols }: Observations): readonly Finding[] {
  const unusable = protocolNames.filter((name) => {
    const outcome = protocols[name];
    return (
      outcome.state === "observed" &&
      !outcome.value.offered &&
      outcome.value.answer === "alert" &&
      outcome.value.alert === 80
    );
  });
  if (unusable.length === 0) return [];
  const message = `Turned on but unusable: ${unusable.join(", ")}`;
  const found = {
    message,
    evidence: "alert 80 (internal_error)",
    severity: "low",
    fix: "Turn them off by the lowest protocol version",
  } as const;
  return [information("unusable-protocols", found, "RFC 8446, section 6.2")];
}

/** How probes begin the reason of a fact that cannot exist on a target. */
const notApplicable = "not applicable: ";

function remark<T>(topic: Topic, outcome: Outcome<T>, say: (value: T) => Remark): Finding {
  if (outcome.state === "observed") return information(topic.id, say(outcome.value), topic.reference);
  if (outcome.why.startsWith(notApplicable)) {
    const remarks = {
      message: `${topic.title}: does not apply here`,
      evidence: outcome.why.slice(notApplicable.length),
    };
    return information(topic.id, remarks, topic.reference);
  }
  const message = `${topic.title}: not known`;
  return { ...information(topic.id, { message, evidence: outcome.why }, topic.reference), outcome: "unknown" };
}

function information(
  id: string,
  { message, evidence = "", severity = "info", fix }: Remark,
  reference: string,
): Finding {
  return { id: `general.${id}`, outcome: "info", severity, message, evidence, reference, fix: fix ?? null };
}
