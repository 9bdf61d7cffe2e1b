import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";

import { concat, hex, readCertificate, timestampListOf, timestampsExtension } from "../../wire/index.ts";
import type { Flight } from "../client/answer.ts";
import { certificateSeen } from "./certificate.ts";
import { leafSeen } from "./leaf.ts";
import { failed, observed, readable, unreadable, untestable } from "../outcome.ts";
import { isOrdered, issuerOf, isValidAt, judgeTrust, missingIssuer, upFrom, type TrustStore } from "./trust.ts";
import type { ChainSeen, Outcome, Target } from "../types.ts";

/** Every chain that was sent, once, with what can be said of it; null where none was. Needs: all flights. Connections: none. */
export async function harvestChains(
  flights: readonly Flight[],
  of: { target: Target; store: TrustStore; now: Date },
): Promise<Outcome<readonly ChainSeen[]> | null> {
  const withChain = flights.filter((flight) => (flight.certificates?.length ?? 0) > 0);
  const [any] = withChain;
  if (any === undefined) return null;
  const sameChain = Map.groupBy(withChain, ({ certificates }) => hex(concat(...(certificates ?? []))));
  const chains: ChainSeen[] = [];
  for (const same of sameChain.values()) {
    const chain = await describeChain(same, of);
    if (chain.state !== "observed") return chain;
    chains.push(chain.value);
  }
  return observed(chains);
}

/** Well below the 100 KiB that OpenSSL takes for a whole chain, and far above any certificate in use. */
const mostBytes = 2 ** 16;

async function describeChain(
  same: readonly Flight[],
  of: { target: Target; store: TrustStore; now: Date },
): Promise<Outcome<ChainSeen>> {
  const largest = Math.max(0, ...(same[0]?.certificates ?? []).map((der) => der.length));
  if (largest > mostBytes)
    return failed(`a certificate of ${largest} bytes: clients take ${mostBytes} at most, so it is not looked into`);
  try {
    const chain = (same[0]?.certificates ?? []).map((der) => new X509Certificate(der));
    const [leaf] = chain;
    if (leaf === undefined) return untestable("no certificate was seen");
    const certificates = chain.map(certificateSeen);
    const { trust, path } = judgeTrust(chain, of.store, of.now);
    return observed({
      certificates,
      keyType: certificates[0]?.key.type ?? "other",
      ordered: isOrdered(chain),
      trust: observed(trust),
      nameMatches: nameMatches(leaf, of.target),
      validNow: (path ?? upFrom(leaf, chain)).every((certificate) => isValidAt(certificate, of.now)),
      stapled: observed(same.some((flight) => flight.stapled)),
      missingIssuer: missingIssuer(chain, of.store),
      leaf: observed(leafSeen(leaf)),
      ...(await attested(same, {
        leaf,
        issuer: () => issuerOf(leaf, { others: chain, store: of.store }),
        now: of.now,
      })),
    });
  } catch (error) {
    return unreadable("a certificate", error);
  }
}

/** What others say of the leaf: a responder in the staple, logs in timestamps. The code for it is only loaded where there is something to read. */
async function attested(
  same: readonly Flight[],
  of: { leaf: X509Certificate; issuer: () => X509Certificate | undefined; now: Date },
): Promise<Pick<ChainSeen, "staple" | "timestamps">> {
  const { leaf, now } = of;
  const response = same.find(({ staple }) => staple !== null)?.staple ?? null;
  const embedded = readCertificate(leaf.raw).extensions.get(timestampsExtension);
  const inHandshake = same.flatMap(({ timestamps }) => (timestamps === null ? [] : [timestamps]));
  const issuer = response === null && embedded === undefined ? undefined : of.issuer();
  const read =
    response === null
      ? { staple: untestable("no response was stapled"), timestamps: null }
      : (await import("./staple.ts")).readStaple(response, { leaf, issuer, now });
  if (embedded === undefined && inHandshake.length === 0 && read.timestamps === null)
    return { staple: read.staple, timestamps: [] };
  const lists = {
    certificate: embedded === undefined ? [] : [readable("its list", () => timestampListOf(embedded))],
    handshake: inHandshake,
    staple: read.timestamps === null ? [] : [read.timestamps],
  };
  const { readTimestamps } = await import("./timestamps.ts");
  return { staple: read.staple, timestamps: readTimestamps(lists, { leaf, issuer, now }) };
}

/** RFC 9525: names and addresses of the subjectAltName only. */
function nameMatches(leaf: X509Certificate, target: Target): Outcome<boolean> {
  const name = target.serverName || target.host;
  if (isIP(name) > 0) return observed(leaf.checkIP(name) !== undefined);
  return observed(leaf.checkHost(name, { subject: "never" }) !== undefined);
}
