import type { SignedEntity, TrustMaterial } from "@sigstore/verify";

/**
 * Whom Sigstore trusts: certificate authorities, transparency logs and time-stamp authorities of the public instance, as they stand in
 * `trusted-root.json`. That file is the target `trusted_root.json` inside `seeds.json` of the npm package @sigstore/tuf 5.0.1 (Apache-2.0), byte
 * for byte what the Python package sigstore 4.5.1 carries; SHA-256 6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66.
 * A log that is founded later needs a newer file: nothing is asked of the network.
 */
export async function shippedTrust(): Promise<TrustMaterial> {
  const { default: root } = await import("./trusted-root.json", { with: { type: "json" } });
  return trustFrom(root);
}

/** Trust material from a trusted root (`application/vnd.dev.sigstore.trustedroot+json`). */
export async function trustFrom(root: unknown): Promise<TrustMaterial> {
  const [{ toTrustMaterial }, { TrustedRoot }] = await Promise.all([
    import("@sigstore/verify"),
    import("@sigstore/protobuf-specs"),
  ]);
  return toTrustMaterial(TrustedRoot.fromJSON(root));
}

/**
 * What of an entity the trust root has never heard of, by names alone (key identifiers): its authority, its log of certificates, its log of
 * signatures. Of such an entity nothing can be said: it may be from an instance that is younger than the root. Null when all are known.
 */
export function strangerIn({ key, tlogEntries }: SignedEntity, trust: TrustMaterial): string | null {
  const among = (known: readonly { readonly logID: Buffer }[], id: Uint8Array): boolean =>
    known.some(({ logID }) => logID.equals(id));
  if (key.$case === "certificate") {
    const { extAuthorityKeyID, extSCT } = key.certificate;
    const issuer = extAuthorityKeyID?.keyIdentifier;
    const authorities = trust.certificateAuthorities.flatMap(({ certChain }) => certChain);
    if (issuer !== undefined && !authorities.some((one) => one.extSubjectKeyID?.keyIdentifier.equals(issuer) === true))
      return "the authority of its certificate";
    const timestamps = extSCT?.signedCertificateTimestamps ?? [];
    if (timestamps.some(({ logID }) => !among(trust.ctlogs, logID))) return "the log that has its certificate";
  }
  return tlogEntries.every(({ logId }) => among(trust.tlogs, logId.keyId)) ? null : "the log that has the signature";
}
