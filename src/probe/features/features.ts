import { downgradeMark, extensionTypes, findExtension, suiteOf } from "../../wire/index.ts";
import type { Flight } from "../client/answer.ts";
import { notApplicable, observed, untestable } from "../outcome.ts";
import type { Observations, Outcome, SuiteProtocol } from "../types.ts";

export type Features = Pick<
  Observations,
  | "compression"
  | "secureRenegotiation"
  | "extendedMasterSecret"
  | "downgradeSentinel"
  | "encryptThenMac"
  | "heartbeat"
  | "clientCertificateRequested"
>;

/**
 * Facts that stand in flights which other probes were answered with. Needs: all flights. Gives: compression, secure renegotiation, extended master
 * secret, downgrade sentinel, encrypt-then-MAC, heartbeat, whether a certificate of the client is wanted. Connections: none. `offered` lists the versions that the server speaks.
 */
export function harvestFeatures(flights: readonly Flight[], offered: readonly SuiteProtocol[]): Features {
  const classic = flights.filter((flight) => flight.protocol !== "TLSv1.3");
  return {
    compression: compressionIn(flights),
    secureRenegotiation: extensionIn(classic, {
      type: extensionTypes.renegotiationInfo,
      without: "TLS 1.3 has no renegotiation, and nothing older is offered",
      offered,
    }),
    extendedMasterSecret: extensionIn(
      classic.filter((flight) => flight.protocol !== "SSLv3" && flight.hello.plan.plain !== true),
      {
        type: extensionTypes.extendedMasterSecret,
        without: "TLS 1.3 always binds its secrets to the handshake, and nothing older is offered",
        offered,
      },
    ),
    downgradeSentinel: sentinelIn(classic, offered),
    encryptThenMac: encryptThenMacIn(flights),
    heartbeat: heartbeatIn(flights),
    clientCertificateRequested: requestIn(flights),
  };
}

/** TLS 1.2 session tickets: promised in the ServerHello (RFC 5077, 3.2). Null where the version is not offered. */
export function ticket12In(flights: readonly Flight[]): boolean | null {
  const asked = flights.filter((flight) => flight.protocol === "TLSv1.2" && flight.hello.plan.plain !== true);
  return asked.length === 0 ? null : asked.some((flight) => has(flight, extensionTypes.sessionTicket));
}

function compressionIn(flights: readonly Flight[]): Outcome<boolean> {
  const asked = flights.filter((flight) => flight.protocol === "TLSv1.3" || flight.hello.plan.plain !== true);
  if (asked.length === 0) return untestable("no hello that offers compression was answered");
  return observed(asked.some((flight) => flight.serverHello.compressionMethod !== 0));
}

/** True when every flight has the extension: one that lacks it is what an attacker would choose. */
function extensionIn(
  asked: readonly Flight[],
  of: { type: number; without: string; offered: readonly SuiteProtocol[] },
): Outcome<boolean> {
  if (asked.length > 0) return observed(asked.every((flight) => has(flight, of.type)));
  const isModernOnly = of.offered.length > 0 && of.offered.every((protocol) => protocol === "TLSv1.3");
  return isModernOnly ? notApplicable(of.without) : untestable("no ServerHello of TLS 1.2 or older was seen");
}

/** RFC 7366, 3: only for suites with a block cipher in CBC mode; one flight that lacks it is what an attacker would choose. */
function encryptThenMacIn(flights: readonly Flight[]): Outcome<boolean> {
  const asked = flights.filter(
    ({ protocol, hello, serverHello }) =>
      protocol !== "SSLv3" && hello.plan.plain !== true && suiteOf(serverHello.cipherSuite).encryption.includes("CBC"),
  );
  if (asked.length > 0) return observed(asked.every((flight) => has(flight, extensionTypes.encryptThenMac)));
  return flights.length > 0 ? notApplicable("no suite with CBC was taken") : untestable("no ServerHello was seen");
}

/** RFC 6520, 2: answered in the ServerHello, since TLS 1.3 in EncryptedExtensions. */
function heartbeatIn(flights: readonly Flight[]): Outcome<boolean> {
  const asked = flights.filter(({ protocol, hello, encryptedExtensions }) =>
    protocol === "TLSv1.3" ? encryptedExtensions !== null : protocol !== "SSLv3" && hello.plan.plain !== true,
  );
  if (asked.length === 0) return untestable("no hello that offers heartbeats was answered");
  return observed(
    asked.some(
      (flight) =>
        has(flight, extensionTypes.heartbeat) ||
        findExtension(flight.encryptedExtensions ?? [], extensionTypes.heartbeat) !== undefined,
    ),
  );
}

/** CertificateRequest in any flight that was read to its end. */
function requestIn(flights: readonly Flight[]): Outcome<boolean> {
  const read = flights.filter(({ asksForCertificate }) => asksForCertificate !== null);
  if (read.length === 0) return untestable("no flight was read to its end");
  return observed(read.some(({ asksForCertificate }) => asksForCertificate === true));
}

/** RFC 8446, 4.1.3: a TLS 1.3 server marks every older ServerHello, a TLS 1.2 server those before 1.2. */
function sentinelIn(classic: readonly Flight[], offered: readonly SuiteProtocol[]): Outcome<boolean> {
  const top = offered.includes("TLSv1.3") ? "TLSv1.3" : offered.includes("TLSv1.2") ? "TLSv1.2" : undefined;
  const lower = classic.filter(
    (flight) => (top === "TLSv1.3" || flight.protocol !== "TLSv1.2") && flight.protocol !== "SSLv3",
  );
  if (top === undefined) return notApplicable("neither TLS 1.3 nor TLS 1.2 is offered");
  if (lower.length === 0) return notApplicable(`nothing older than ${top} is offered`);
  return observed(
    lower.every(
      (flight) => downgradeMark(flight.serverHello.random) === (flight.protocol === "TLSv1.2" ? "TLSv1.2" : "TLSv1.1"),
    ),
  );
}

function has(flight: Flight, type: number): boolean {
  return findExtension(flight.serverHello.extensions ?? [], type) !== undefined;
}
