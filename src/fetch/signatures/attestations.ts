import type { TrustMaterial } from "@sigstore/verify";
import type { SigstoreSigner } from "../../recipe/index.ts";
import { judgeSigstore } from "./sigstore.ts";
import { statementType } from "./statement.ts";
import type { Judgement, Observed, SignedFile } from "./types.ts";

/** More than any file has. */
const mostAttestations = 32;

/**
 * Judges the provenance object of a package index (PEP 740): every attestation in it. Who attested is read from the certificates; what the index itself says
 * of publishers is its own word and counts for nothing. With `signers` one of them must be there, and what cannot be tested has failed.
 */
export async function judgeProvenance(
  file: SignedFile,
  json: unknown,
  terms: { readonly signers: readonly SigstoreSigner[] | null; readonly trust: TrustMaterial },
): Promise<Judgement> {
  const attestations = attestationsIn(json);
  if (typeof attestations === "string") return { outcome: "failed", why: attestations };
  const judged: Judgement[] = [];
  for (const attestation of attestations)
    judged.push(await judgeSigstore(file, bundleOf(attestation), { trust: terms.trust, signers: null, named: true }));
  const failed = judged.find(({ outcome }) => outcome === "failed");
  if (failed !== undefined) return failed;
  const seen = judged.filter((one): one is Observed => one.outcome === "observed");
  const pinned = terms.signers?.flatMap(({ identity, issuer }) =>
    seen.filter((one) => one.signer === identity && one.issuer === issuer),
  );
  const best = (pinned ?? seen)[0];
  if (best === undefined) return missing(judged, seen, terms.signers);
  const others = [...new Set(seen.map(({ signer }) => signer))].filter((signer) => signer !== best.signer);
  const notes = others.map((signer) => `also attested by ${signer}`);
  return { ...best, kind: "attestation", pinned: terms.signers !== null, notes };
}

function missing(
  judged: readonly Judgement[],
  seen: readonly Observed[],
  signers: readonly SigstoreSigner[] | null,
): Judgement {
  const untestable = judged.find((one) => one.outcome === "untestable");
  if (signers === null) return untestable ?? { outcome: "untestable", why: "the provenance holds no attestation" };
  const by = seen.map(({ signer, issuer }) => `${signer} (${issuer})`).join(", ");
  const wanted = signers.map(({ identity, issuer }) => `${identity} (${issuer})`).join(", ");
  const reason = untestable?.outcome === "untestable" ? untestable.why : "it holds no attestation";
  return { outcome: "failed", why: by === "" ? reason : `it is attested by ${by}, and the lock pins ${wanted}` };
}

interface Attestation {
  readonly verification_material?: { readonly certificate?: unknown; readonly transparency_entries?: unknown };
  readonly envelope?: { readonly statement?: unknown; readonly signature?: unknown };
}

function attestationsIn(json: unknown): readonly Attestation[] | string {
  const { version, attestation_bundles: bundles } = (json ?? {}) as {
    readonly version?: unknown;
    readonly attestation_bundles?: unknown;
  };
  if (version !== 1 || !Array.isArray(bundles)) return "it is no provenance object of version 1";
  const all = bundles.flatMap((bundle: unknown) => {
    const list = (bundle as { readonly attestations?: unknown } | null)?.attestations;
    return Array.isArray(list) ? (list as readonly Attestation[]) : [];
  });
  return all.length > mostAttestations ? `it holds ${all.length} attestations` : all;
}

/** An attestation as the Sigstore bundle that it is made from (PEP 740, appendix 2 and 3). */
function bundleOf(attestation: Attestation | null): object {
  const { verification_material: material, envelope } = attestation ?? {};
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {
      certificate: { rawBytes: material?.certificate },
      tlogEntries: material?.transparency_entries,
    },
    dsseEnvelope: {
      payloadType: statementType,
      payload: envelope?.statement,
      signatures: [{ sig: envelope?.signature, keyid: "" }],
    },
  };
}
