import { createHash, X509Certificate } from "node:crypto";

import { DecodeError, hex, readCertificateFields } from "../../wire/index.ts";
import { observed, readable, untestable } from "../outcome.ts";
import type { Outcome, TlsaRecordSeen } from "../types.ts";

/** A chain as it was sent, DER, leaf first. */
type Chain = readonly Uint8Array[];

type Binding = Pick<TlsaRecordSeen, "usage" | "selector" | "matching" | "data">;

/**
 * Gives what finds the leaves (SHA-256) of these chains that a TLSA record fits (RFC 6698, 2.1; RFC 7671, 5): usages 1 and 3 name the leaf, 0 and 2 an
 * authority above it. An authority that was not sent and need not be may fit all the same.
 */
export function compareWith(sent: readonly Chain[]): (record: Binding) => Outcome<readonly string[]> {
  const chains = [...new Set(sent)];
  const known = new Map<Chain, Outcome<Chain>>();
  const authoritiesOf = (chain: Chain): Outcome<Chain> => {
    const authorities = known.get(chain) ?? readable("a certificate", () => authoritiesIn(chain));
    known.set(chain, authorities);
    return authorities;
  };
  return (record) => {
    const { usage, selector, matching } = record;
    if (usage > 3 || selector > 1 || matching > 2) return untestable("a record of a kind that is not known here");
    if (chains.length === 0) return untestable("no certificate was seen");
    const isOfLeaf = usage === 1 || usage === 3;
    const fitting: Chain[] = [];
    for (const chain of chains) {
      const candidates = isOfLeaf ? observed(chain.slice(0, 1)) : authoritiesOf(chain);
      if (candidates.state !== "observed") return candidates;
      if (candidates.value.some((der) => fits(record, der))) fitting.push(chain);
    }
    // With usage 2 the server sends the anchor, unless the record has it in full (RFC 7671, 5.2).
    if ((usage === 0 || (usage === 2 && matching === 0)) && fitting.length < chains.length)
      return untestable("the authority that it names need not be sent");
    return observed([...new Set(fitting.map(([leaf]) => sha("sha256", leaf ?? new Uint8Array(0))))]);
  };
}

/** A chain that needs more signatures verified is made to keep a verifier busy. */
const mostChecks = 200;

/** Those sent that are on a way up from the leaf, each having issued the one before. */
function authoritiesIn(chain: Chain): Outcome<Chain> {
  const [leaf, ...others] = chain.map((der) => new X509Certificate(der));
  const left = new Set(others);
  const found = leaf === undefined ? [] : [leaf];
  let checks = 0;
  // Issuers are added while they are gone through.
  for (const certificate of found)
    for (const candidate of left) {
      if (!certificate.checkIssued(candidate)) continue;
      if (++checks > mostChecks) return untestable(`the chain needs more than ${mostChecks} checks of signatures`);
      if (!certificate.verify(candidate.publicKey)) continue;
      left.delete(candidate);
      found.push(candidate);
    }
  return observed(found.slice(1).map(({ raw }) => raw));
}

function fits({ selector, matching, data }: Binding, der: Uint8Array): boolean {
  const selected = selector === 0 ? der : publicKeyInfo(der);
  if (selected === null) return false;
  const value = matching === 0 ? hex(selected) : sha(matching === 1 ? "sha256" : "sha512", selected);
  return value === data;
}

function publicKeyInfo(der: Uint8Array): Uint8Array | null {
  try {
    return readCertificateFields(der).publicKeyInfo;
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

const sha = (kind: "sha256" | "sha512", bytes: Uint8Array): string => createHash(kind).update(bytes).digest("hex");
