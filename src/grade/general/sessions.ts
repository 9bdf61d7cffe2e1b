/** Resumption, tickets, early data, renegotiation and what else happens after a first handshake. */
import type { Observations, ResumptionSeen } from "../../probe/index.ts";
import type { Finding } from "../types.ts";
import { notLooked } from "../verdict.ts";
import { information, open, remark } from "./remark.ts";
import type { Topic } from "./remark.ts";

export function sessionFindings(observations: Observations): readonly Finding[] {
  return [
    tickets(observations),
    earlyData(observations),
    resumption(observations),
    clientRenegotiation(observations),
    keyUpdate(observations),
    fallback(observations),
  ];
}

function tickets(observations: Observations): Finding {
  const topic = { id: "tickets", title: "Session tickets", reference: "RFC 8446, section 4.6.1; RFC 5077" };
  return remark(topic, observations.tickets, ({ tls13, tls12 }) => {
    const count = (value: number | boolean | null): string => (value === null ? "not seen" : String(value));
    const evidence = `TLS 1.3 tickets: ${count(tls13)}; TLS 1.2 ticket: ${count(tls12)}`;
    if ((tls13 ?? 0) > 0 || tls12 === true) return { message: "Session tickets are issued", evidence };
    if (tls13 === null || tls12 === null) return { message: "No session ticket was seen", evidence };
    return { message: "No session ticket is issued", evidence };
  });
}

function earlyData(observations: Observations): Finding {
  const topic = { id: "early-data", title: "Early data", reference: "RFC 8446, section 8; RFC 8470" };
  return remark(topic, observations.tickets, ({ earlyData: accepted }) =>
    accepted
      ? {
          message: "Early data (0-RTT) is accepted: such requests can be replayed",
          severity: "low",
          fix: "Turn early data off, unless the application answers 425 (RFC 8470)",
        }
      : { message: "Early data (0-RTT) is not accepted", fine: true },
  );
}

/** A ticket of TLS 1.3 may be kept for a week at most. */
const longestLife = 604_800;

const ways: readonly (readonly [keyof Observations["resumption"], string])[] = [
  ["sessionId", "session id"],
  ["ticket", "ticket"],
  ["psk", "pre-shared key"],
];

function resumption({ resumption: seen }: Observations): Finding {
  const topic: Topic = {
    id: "resumption",
    title: "Resumption",
    reference: "RFC 5246, section 7.3; RFC 8446, section 2.2",
  };
  const each = ways.map(([key, name]) => ({ name, outcome: seen[key] }));
  const looked = each.filter(({ outcome }) => outcome.state === "observed" || outcome.why !== notLooked);
  if (looked.length === 0) return open(topic, notLooked);
  const words = each.map(
    ({ name, outcome }) => `${name}: ${outcome.state === "observed" ? life(outcome.value) : outcome.why}`,
  );
  const evidence = words.join("; ");
  const resuming = each.flatMap(({ name, outcome }) =>
    outcome.state === "observed" && outcome.value.resumes
      ? [{ name, seconds: outcome.value.lifetimeSeconds ?? 0 }]
      : [],
  );
  const failed = each.filter(({ outcome }) => outcome.state === "failed");
  if (resuming.some(({ seconds }) => seconds > longestLife)) {
    const message = "Sessions may be resumed for longer than seven days";
    return information(topic, { message, evidence, severity: "low", fix: "Give tickets a lifetime of a day" });
  }
  if (resuming.length > 0)
    return information(topic, {
      message: `Sessions are resumed by ${resuming.map(({ name }) => name).join(", ")}`,
      evidence,
    });
  if (failed.length > 0) return open(topic, evidence);
  return information(topic, { message: "Sessions are not resumed", evidence });
}

function life({ resumes, lifetimeSeconds }: ResumptionSeen): string {
  if (!resumes) return "no";
  return lifetimeSeconds === null ? "yes" : `yes, for ${lifetimeSeconds} s`;
}

function clientRenegotiation({ clientRenegotiation: outcome }: Observations): Finding {
  const topic = {
    id: "client-renegotiation",
    title: "Renegotiation by clients",
    reference: "CVE-2011-1473; RFC 9325, section 3.5",
  };
  return remark(topic, outcome, (allowed) =>
    allowed
      ? {
          message: "Clients may renegotiate: one connection can make the server sign many times",
          severity: "low",
          fix: "Turn renegotiation off",
        }
      : { message: "Clients may not renegotiate", fine: true },
  );
}

function keyUpdate({ keyUpdate: outcome }: Observations): Finding {
  const topic = { id: "key-update", title: "KeyUpdate", reference: "RFC 8446, section 4.6.3" };
  return remark(topic, outcome, (answered) =>
    answered
      ? { message: "A KeyUpdate is answered", fine: true }
      : { message: "A request for new keys (KeyUpdate) is not answered", severity: "low" },
  );
}

function fallback({ fallbackScsv }: Observations): Finding {
  const topic = { id: "fallback-scsv", title: "Fallback signalling", reference: "RFC 7507" };
  return remark(topic, fallbackScsv, (refused) =>
    refused
      ? { message: "An inappropriate fallback is refused", fine: true }
      : { message: "A fallback to an older version is not refused (TLS_FALLBACK_SCSV)", severity: "low" },
  );
}
