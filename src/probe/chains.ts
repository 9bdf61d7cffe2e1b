import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";

import { concat, DecodeError, hex } from "../wire/index.ts";
import type { Flight } from "./answer.ts";
import { certificateSeen } from "./certificate.ts";
import { failed, observed, untestable } from "./outcome.ts";
import { isOrdered, isValidAt, judgeTrust, type TrustStore } from "./trust.ts";
import type { ChainSeen, Outcome, Target } from "./types.ts";

/** Every chain that was sent, once, with what can be said of it. Needs: all flights. Connections: none. */
export function harvestChains(
  flights: readonly Flight[],
  of: { target: Target; store: TrustStore; now: Date },
): Outcome<readonly ChainSeen[]> {
  const withChain = flights.filter((flight) => (flight.certificates?.length ?? 0) > 0);
  const [any] = withChain;
  if (any === undefined) return untestable("no certificate was seen");
  const sameChain = Map.groupBy(withChain, ({ certificates }) => hex(concat(...(certificates ?? []))));
  const chains: ChainSeen[] = [];
  for (const same of sameChain.values()) {
    const chain = describeChain(same, of);
    if (chain.state !== "observed") return chain;
    chains.push(chain.value);
  }
  return observed(chains);
}

function describeChain(
  same: readonly Flight[],
  of: { target: Target; store: TrustStore; now: Date },
): Outcome<ChainSeen> {
  try {
    const chain = (same[0]?.certificates ?? []).map((der) => new X509Certificate(der));
    const [leaf] = chain;
    if (leaf === undefined) return untestable("no certificate was seen");
    const certificates = chain.map(certificateSeen);
    return observed({
      certificates,
      keyType: certificates[0]?.key.type ?? "other",
      ordered: isOrdered(chain),
      trust: observed(judgeTrust(chain, of.store, of.now)),
      nameMatches: nameMatches(leaf, of.target),
      validNow: chain.every((certificate) => isValidAt(certificate, of.now)),
      stapled: observed(same.some((flight) => flight.stapled)),
      staple: untestable("this version does not look at it"),
      timestamps: [],
    });
  } catch (error) {
    // node:crypto throws errors of its own at a broken certificate, and they carry OpenSSL's code.
    if (error instanceof DecodeError || (error instanceof Error && "code" in error))
      return failed(`a certificate cannot be read: ${error.message}`);
    throw error;
  }
}

/** RFC 9525: names and addresses of the subjectAltName only. */
function nameMatches(leaf: X509Certificate, target: Target): Outcome<boolean> {
  const name = target.serverName || target.host;
  if (isIP(name) > 0) return observed(leaf.checkIP(name) !== undefined);
  return observed(leaf.checkHost(name, { subject: "never" }) !== undefined);
}
