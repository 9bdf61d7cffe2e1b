import { downgradeMark, extensionTypes, findExtension, suiteOf } from "../../wire/index.ts";
import type { Flight } from "../client/answer.ts";
import { isCbc } from "../flaws/cbc-combinations.ts";
import { isNotApplicable, observed, untestable } from "../outcome.ts";
import {
  offeredOf,
  olderProtocols,
  olderTls,
  suiteProtocols,
  withoutSuites,
  withoutVersions,
  type Absence,
  type VersionsSeen,
} from "../suites/versions.ts";
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
 * secret, downgrade sentinel, encrypt-then-MAC, heartbeat, whether a certificate of the client is wanted. Connections: none.
 */
export function harvestFeatures(flights: readonly Flight[], versions: VersionsSeen): Features {
  const classic = flights.filter((flight) => flight.protocol !== "TLSv1.3");
  return {
    compression: compressionIn(flights, versions),
    secureRenegotiation: extensionIn(classic, {
      type: extensionTypes.renegotiationInfo,
      names: olderProtocols,
      without: "TLS 1.3 has no renegotiation, and nothing older is offered",
      versions,
    }),
    extendedMasterSecret: extensionIn(
      classic.filter((flight) => flight.protocol !== "SSLv3" && flight.hello.plan.plain !== true),
      {
        type: extensionTypes.extendedMasterSecret,
        names: olderTls,
        without: "TLS 1.3 always binds its secrets to the handshake, and nothing older is offered",
        versions,
      },
    ),
    downgradeSentinel: sentinelIn(classic, versions),
    encryptThenMac: encryptThenMacIn(flights, versions),
    heartbeat: heartbeatIn(flights, versions),
    clientCertificateRequested: requestIn(flights),
  };
}

/** TLS 1.2 session tickets: promised in the ServerHello (RFC 5077, 3.2). Null where the version is not offered. */
export function ticket12In(flights: readonly Flight[]): boolean | null {
  const asked = flights.filter((flight) => flight.protocol === "TLSv1.2" && flight.hello.plan.plain !== true);
  return asked.length === 0 ? null : asked.some((flight) => has(flight, extensionTypes.sessionTicket));
}

/** TLS 1.3 has none (RFC 8446, 4.1.2): it tells nothing of older versions. */
function compressionIn(flights: readonly Flight[], versions: VersionsSeen): Outcome<boolean> {
  const otherwise = "no hello that offers compression was answered";
  const asked = flights.filter((flight) => flight.protocol === "TLSv1.3" || flight.hello.plan.plain !== true);
  if (asked.length === 0) return untestable(otherwise);
  if (asked.every(({ protocol }) => protocol === "TLSv1.3"))
    return falseWithout(versions, { names: olderProtocols, otherwise });
  return observed(asked.some((flight) => flight.serverHello.compressionMethod !== 0));
}

/** False where TLS 1.3 has shown it and none of these versions is offered; else what is not known of them. */
function falseWithout(versions: VersionsSeen, of: Pick<Absence, "names" | "otherwise">): Outcome<boolean> {
  const absence = withoutVersions(versions, { ...of, without: "" });
  return isNotApplicable(absence) ? observed(false) : absence;
}

/** True when every flight has the extension: one that lacks it is what an attacker would choose. */
function extensionIn(
  asked: readonly Flight[],
  of: { type: number; names: readonly SuiteProtocol[]; without: string; versions: VersionsSeen },
): Outcome<boolean> {
  if (asked.length > 0) return observed(asked.every((flight) => has(flight, of.type)));
  return withoutVersions(of.versions, { ...of, otherwise: "no ServerHello of TLS 1.2 or older was seen" });
}

/** RFC 7366, 3: only for suites with a block cipher in CBC mode; one flight that lacks it is what an attacker would choose. */
function encryptThenMacIn(flights: readonly Flight[], versions: VersionsSeen): Outcome<boolean> {
  const asked = flights.filter(
    ({ protocol, hello, serverHello }) =>
      protocol !== "SSLv3" && hello.plan.plain !== true && isCbc(suiteOf(serverHello.cipherSuite)),
  );
  if (asked.length > 0) return observed(asked.every((flight) => has(flight, extensionTypes.encryptThenMac)));
  return withoutSuites(versions, {
    names: olderTls,
    isMeant: isCbc,
    without: "no suite with CBC is offered",
    otherwise: "no hello that offers it was answered with a suite with CBC",
  });
}

/** RFC 6520, 2: answered in the ServerHello, since TLS 1.3 in EncryptedExtensions. */
function heartbeatIn(flights: readonly Flight[], versions: VersionsSeen): Outcome<boolean> {
  const asked = flights.filter(({ protocol, hello, encryptedExtensions }) =>
    protocol === "TLSv1.3" ? encryptedExtensions !== null : protocol !== "SSLv3" && hello.plan.plain !== true,
  );
  const otherwise = "no hello that offers heartbeats was answered";
  if (asked.length === 0) return untestable(otherwise);
  const isThere = asked.some(
    (flight) =>
      has(flight, extensionTypes.heartbeat) ||
      findExtension(flight.encryptedExtensions ?? [], extensionTypes.heartbeat) !== undefined,
  );
  if (isThere || asked.some(({ protocol }) => protocol !== "TLSv1.3")) return observed(isThere);
  return falseWithout(versions, { names: olderTls, otherwise });
}

/** CertificateRequest in any flight that was read to its end. */
function requestIn(flights: readonly Flight[]): Outcome<boolean> {
  const read = flights.filter(({ asksForCertificate }) => asksForCertificate !== null);
  if (read.length === 0) return untestable("no flight was read to its end");
  return observed(read.some(({ asksForCertificate }) => asksForCertificate === true));
}

/** RFC 8446, 4.1.3: a TLS 1.3 server marks every older ServerHello, a TLS 1.2 server those before 1.2. */
function sentinelIn(classic: readonly Flight[], versions: VersionsSeen): Outcome<boolean> {
  const offered = offeredOf(versions);
  const top = offered.includes("TLSv1.3") ? "TLSv1.3" : offered.includes("TLSv1.2") ? "TLSv1.2" : undefined;
  const lower = classic.filter(
    (flight) => (top === "TLSv1.3" || flight.protocol !== "TLSv1.2") && flight.protocol !== "SSLv3",
  );
  const otherwise = "no ServerHello of a lower version was seen";
  if (top === undefined)
    return withoutVersions(versions, {
      names: ["TLSv1.3", "TLSv1.2"],
      without: "neither TLS 1.3 nor TLS 1.2 is offered",
      otherwise,
    });
  if (lower.length === 0) {
    // Where TLS 1.3 is offered after all, TLS 1.2 is a lower version too.
    const names = top === "TLSv1.3" ? olderTls : suiteProtocols.filter((name) => name !== top && name !== "SSLv3");
    return withoutVersions(versions, { names, without: `nothing older than ${top} is offered`, otherwise });
  }
  return observed(
    lower.every(
      (flight) => downgradeMark(flight.serverHello.random) === (flight.protocol === "TLSv1.2" ? "TLSv1.2" : "TLSv1.1"),
    ),
  );
}

function has(flight: Flight, type: number): boolean {
  return findExtension(flight.serverHello.extensions ?? [], type) !== undefined;
}
