/** Facts of ServerHellos and CertificateRequests in flights that other probes were answered with. Connections: none. */
import {
  decodeAuthorities,
  decodeCertificateRequest12,
  decodeCertificateRequest13,
  decodeNextProtocols,
  distinguishedName,
  extensionTypes,
  findExtension,
  hex,
} from "../../wire/index.ts";
import type { Flight } from "../client/answer.ts";
import { printable } from "../http/http.ts";
import { notApplicable, observed, readable, untestable } from "../outcome.ts";
import { olderTls, withoutVersions, type VersionsSeen } from "../suites/versions.ts";
import type { Observations, Outcome, ServerRandomSeen } from "../types.ts";

type Hellos = Pick<Observations, "clientAuthorities" | "nextProtocols" | "retryCookie" | "serverRandom">;

/** Needs: all flights. Gives: names of authorities for certificates of clients, NPN, cookies of HelloRetryRequest, random values and the clock in them. */
export function harvestHellos(
  flights: readonly Flight[],
  { versions, now }: { versions: VersionsSeen; now: Date },
): Hellos {
  return {
    clientAuthorities: readable("what the server sent", () => authoritiesIn(flights)),
    nextProtocols: readable("what the server sent", () => nextProtocolsIn(flights, versions)),
    retryCookie: retryCookieIn(flights, versions),
    serverRandom: randomIn(flights, now),
  };
}

function authoritiesIn(flights: readonly Flight[]): Outcome<readonly string[]> {
  const read = flights.filter(({ asksForCertificate }) => asksForCertificate !== null);
  if (read.length === 0) return untestable("no flight was read to its end");
  const asking = read.filter(({ asksForCertificate }) => asksForCertificate === true);
  if (asking.length === 0) return notApplicable("no certificate of clients is asked for");
  // A keeper leaves out what is too long.
  if (asking.some(({ certificateRequest }) => certificateRequest === null))
    return untestable("the server sends more than is kept");
  const names = asking.flatMap(authoritiesOf);
  const each = new Map(names.map((name) => [hex(name), name]));
  return observed([...each.values()].map((name) => printable(distinguishedName(name))));
}

function authoritiesOf({ protocol, certificateRequest }: Flight): readonly Uint8Array[] {
  if (certificateRequest === null) return [];
  if (protocol !== "TLSv1.3") return decodeCertificateRequest12(certificateRequest, protocol === "TLSv1.2").authorities;
  const { extensions } = decodeCertificateRequest13(certificateRequest);
  const list = findExtension(extensions, extensionTypes.certificateAuthorities);
  return list === undefined ? [] : decodeAuthorities(list);
}

/** NPN was in no version of TLS after 1.2. */
function nextProtocolsIn(flights: readonly Flight[], versions: VersionsSeen): Outcome<readonly string[] | null> {
  const asked = flights.filter(
    ({ protocol, hello: { plan } }) =>
      protocol !== "TLSv1.3" && protocol !== "SSLv3" && plan.nextProtocols === true && plan.plain !== true,
  );
  if (asked.length === 0)
    return withoutVersions(versions, {
      names: olderTls,
      without: "no version of TLS that has NPN is offered",
      otherwise: "no hello that offers NPN was answered",
    });
  const lists = asked.flatMap(({ serverHello }) => {
    const data = findExtension(serverHello.extensions ?? [], extensionTypes.nextProtocolNegotiation);
    return data === undefined ? [] : [decodeNextProtocols(data)];
  });
  const [first] = lists;
  return observed(first === undefined ? null : first.map(printable));
}

function retryCookieIn(flights: readonly Flight[], versions: VersionsSeen): Outcome<boolean> {
  const retries = flights.filter(({ isRetry }) => isRetry);
  if (retries.length > 0)
    return observed(
      retries.some(
        ({ serverHello }) => findExtension(serverHello.extensions ?? [], extensionTypes.cookie) !== undefined,
      ),
    );
  return withoutVersions(versions, {
    names: ["TLSv1.3"],
    without: "TLS 1.3 is not offered",
    otherwise: "no HelloRetryRequest was seen",
  });
}

/** A clock further off than this is taken for chance: one value in 600 000 is as near as that. */
const mostSkew = 3600;

/**
 * The first four bytes may tell the time, and the last eight a downgrade: what lies between has to differ. A HelloRetryRequest has the same for all.
 * A clock counts where every value begins with a likely one, and there are two at least.
 */
function randomIn(flights: readonly Flight[], now: Date): Outcome<ServerRandomSeen> {
  const hellos = flights.filter(({ isRetry }) => !isRetry);
  if (hellos.length === 0) return untestable("no ServerHello was seen");
  const randoms = hellos.map(({ serverHello }) => hex(serverHello.random.subarray(4, 24)));
  const skews = hellos
    .filter(({ protocol }) => protocol !== "TLSv1.3")
    .map(({ serverHello: { random } }) => Buffer.from(random).readUInt32BE(0) - Math.floor(now.getTime() / 1000));
  const [first] = skews;
  const tellsTime = skews.length >= 2 && skews.every((skew) => Math.abs(skew) <= mostSkew);
  return observed({
    seen: randoms.length,
    distinct: new Set(randoms).size,
    clockSkewSeconds: tellsTime && first !== undefined ? first : null,
  });
}
