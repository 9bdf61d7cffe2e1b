import type { Span } from "../errors.ts";
import type { Location } from "./types.ts";

/** Someone whose signature a recipe accepts. Who that is stands in the recipe, never in what a location delivers. */
export type Signer = OpenPgpSigner | SigstoreSigner;

/** Whoever holds the secret part of an OpenPGP key (RFC 9580). */
export interface OpenPgpSigner {
  readonly kind: "openpgp";
  readonly name: string;
  /** Full fingerprints of primary keys, 40 upper-case hexadecimal digits each; their signing subkeys count as them. */
  readonly fingerprints: readonly string[];
  /** Absolute path of the file that holds the public keys. */
  readonly keys: string;
  /** Where the key file and each fingerprint stand in the recipe, for messages. */
  readonly spans: { readonly keys: Span; readonly fingerprints: readonly Span[] };
}

/** Whoever could show an issuer of Sigstore's list to be that identity. */
export interface SigstoreSigner {
  readonly kind: "sigstore";
  readonly name: string;
  /** Subject alternative name of the certificate, whole: an e-mail address, or the address of a workflow. */
  readonly identity: string;
  /** Who vouched for the identity: the OpenID Connect issuer's address. */
  readonly issuer: string;
}

/** Which signature a source must or may have. */
export interface SignatureSpec {
  /** All of one kind; a signature by any of them is enough. Empty: the recipe has signers, and names none of them for this source. */
  readonly signers: readonly Signer[];
  /** Without a signature the source is refused. A wrong one is refused always. */
  readonly required: boolean;
  /** Where the signature is; empty: beside each location of the source, under its name with `.asc` or `.sigstore`. */
  readonly locations: readonly Location[];
}

/** What was found out about the signature of a source. What failed is not here: it is an error, and nothing was unpacked. */
export type SignatureVerdict =
  | {
      readonly outcome: "observed";
      readonly kind: "openpgp" | "sigstore" | "attestation";
      /** OpenPGP: the signer's name in the recipe. Else the identity of the certificate. */
      readonly signer: string;
      /** OpenPGP: fingerprint of the primary key. */
      readonly key?: string;
      /** Sigstore: who vouched for the identity. */
      readonly issuer?: string;
      /** When it was made, ISO 8601 UTC: OpenPGP by the signer's own word, Sigstore by the log or time-stamp authority. */
      readonly made: string;
      /** Whether the recipe or its lock file names this signer; else it is merely told who it was. */
      readonly pinned: boolean;
      /** Where the signature was had: a location as text, or `cache`. */
      readonly from: string;
      /** What else has to be known, such as that the key has expired since. */
      readonly notes: readonly string[];
    }
  | { readonly outcome: "untestable"; readonly why: string };
