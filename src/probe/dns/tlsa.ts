import { createHash } from "node:crypto";

import { DecodeError, hex, readCertificateFields } from "../../wire/index.ts";
import { observed, untestable } from "../outcome.ts";
import type { Outcome, TlsaRecordSeen } from "../types.ts";

/** A chain as it was sent, DER, leaf first. */
type Chain = readonly Uint8Array[];

/**
 * The leaves (SHA-256) of the chains that a TLSA record fits (RFC 6698, 2.1; RFC 7671, 5): usages 1 and 3 name the leaf, 0 and 2 an authority above it. Whether
 * an authority that was not sent would fit cannot be said.
 */
export function matchesOf(
  record: Pick<TlsaRecordSeen, "usage" | "selector" | "matching" | "data">,
  chains: readonly Chain[],
): Outcome<readonly string[]> {
  const { usage, selector, matching } = record;
  if (usage > 3 || selector > 1 || matching > 2) return untestable("a record of a kind that is not known here");
  if (chains.length === 0) return untestable("no certificate was seen");
  const isOfLeaf = usage === 1 || usage === 3;
  const fitting = chains.filter((chain) =>
    (isOfLeaf ? chain.slice(0, 1) : chain.slice(1)).some((der) => fits(record, der)),
  );
  if (!isOfLeaf && usage === 0 && fitting.length < chains.length)
    return untestable("the authority that it names need not be sent");
  return observed([...new Set(fitting.map(([leaf]) => sha("sha256", leaf ?? new Uint8Array(0))))]);
}

function fits({ selector, matching, data }: Pick<TlsaRecordSeen, "selector" | "matching" | "data">, der: Uint8Array) {
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
