/** Hellos that a server must bear, and protocols that it has on and cannot use. */
import type { Observations } from "../../probe/index.ts";
import { protocolNames } from "../facts.ts";
import type { Finding } from "../types.ts";
import { inapplicable, notLooked } from "../verdict.ts";
import { information, open } from "./remark.ts";

export function toleranceFindings(observations: Observations): readonly Finding[] {
  return [tolerance(observations), ...unusableProtocols(observations), ...silentRefusals(observations)];
}

function tolerance({ tolerance: all }: Observations): Finding {
  const topic = {
    id: "tolerance",
    title: "Tolerance of unknown and large hellos",
    reference: "RFC 8701; RFC 8446, section 9.3",
  };
  if (all.length === 0) return open(topic, notLooked);
  const intolerant = all.filter(({ tolerant }) => tolerant.state === "observed" && !tolerant.value);
  if (intolerant.length > 0) {
    return information(topic, {
      message: `The server does not bear: ${intolerant.map(({ name }) => name).join(", ")}`,
      evidence: intolerant.map(({ name, evidence }) => `${name}: ${evidence}`).join("; "),
      severity: "low",
      fix: "Update the TLS library, or what stands before the server",
    });
  }
  const gaps = all.flatMap(({ name, tolerant }) =>
    tolerant.state === "observed" || inapplicable(tolerant) !== null ? [] : [`${name}: ${tolerant.why}`],
  );
  if (gaps.length > 0) return open(topic, gaps.join("; "));
  return information(topic, {
    message: "Unknown and large hellos are borne",
    evidence: all.map(({ name }) => name).join(", "),
    fine: true,
  });
}

/** A version that is refused is refused with an alert; what merely ends the connection may not be the server. SSL 2.0 has no such alert. */
function silentRefusals({ protocols }: Observations): readonly Finding[] {
  const silent = protocolNames.flatMap((name) => {
    const outcome = protocols[name];
    if (name === "SSLv2" || outcome.state !== "observed" || outcome.value.offered) return [];
    const { answer } = outcome.value;
    return answer === "closed" || answer === "reset" ? [`${name}: ${answer}`] : [];
  });
  if (silent.length === 0) return [];
  const message =
    "Versions are refused by the end of the connection, without an alert: where something stands between, it may be that which refuses";
  return [
    information(
      { id: "silent-refusal", reference: "RFC 5246, section 7.2.2; RFC 8446, section 6.2" },
      { message, evidence: silent.join("; ") },
    ),
  ];
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
  return [
    information(
      { id: "unusable-protocols", reference: "RFC 8446, section 6.2" },
      {
        message: `Turned on but unusable: ${unusable.join(", ")}`,
        evidence: "alert 80 (internal_error)",
        severity: "low",
        fix: "Turn them off by the lowest protocol version",
      },
    ),
  ];
}
