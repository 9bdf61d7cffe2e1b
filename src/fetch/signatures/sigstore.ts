import { createHash, createVerify, type KeyObject } from "node:crypto";
import type { Bundle } from "@sigstore/bundle";
import type { SignedEntity, TrustMaterial } from "@sigstore/verify";
import type { SigstoreSigner } from "../../recipe/index.ts";
import { ForgeError } from "../../errors.ts";
import { changed } from "../checked-copy.ts";
import { chunksOf } from "../digest.ts";
import { statementFlaw, statementType } from "./statement.ts";
import { strangerIn } from "./trust.ts";
import type { Judgement, SignedFile } from "./types.ts";

/** Against what a bundle is held. */
export interface SigstoreTerms {
  /** Whose certificate counts; null: whoever it was is told. */
  readonly signers: readonly SigstoreSigner[] | null;
  readonly trust: TrustMaterial;
  /** Whether a statement has to have the file's name too, not its digest alone. */
  readonly named: boolean;
}

/**
 * Judges a Sigstore bundle over a file, offline: the certificate by an authority of the trust root, its time by log or time stamp, the log's
 * inclusion, the signature, what was signed, and whose it is. Both kinds: a signature over the file (which is streamed) and an envelope (DSSE) with an in-toto statement.
 * Throws `source-mismatch` when the bytes are not those of the file's digest any more.
 */
export async function judgeSigstore(file: SignedFile, json: unknown, terms: SigstoreTerms): Promise<Judgement> {
  const [{ bundleFromJSON }, { Verifier }] = await Promise.all([
    import("@sigstore/bundle"),
    import("@sigstore/verify"),
  ]);
  let entity: SignedEntity;
  let made: string;
  let stranger: string | null;
  try {
    const bundle = bundleFromJSON(json);
    const flaw = contentFlaw(bundle, file, terms);
    if (flaw !== null) return failed(flaw);
    entity = await entityOf(bundle, file);
    made = timeOf(entity);
    stranger = strangerIn(entity, terms.trust);
  } catch (error) {
    if (isLocal(error)) throw error;
    return failed(`it is no Sigstore bundle: ${text(error)}`);
  }
  if (stranger !== null) return { outcome: "untestable", why: `the trust root does not know ${stranger}` };
  try {
    const { identity } = new Verifier(terms.trust).verify(entity);
    return judgeIdentity(identity?.subjectAlternativeName, identity?.extensions?.issuer, { ...terms, made });
  } catch (error) {
    return failed(text(error));
  }
}

function judgeIdentity(
  identity: string | undefined,
  issuer: string | undefined,
  { signers, made }: SigstoreTerms & { readonly made: string },
): Judgement {
  if (identity === undefined || issuer === undefined) return failed("its certificate names nobody");
  const match = signers?.find((signer) => signer.identity === identity && signer.issuer === issuer);
  if (signers !== null && match === undefined) {
    const wanted = signers.map((signer) => `${signer.identity} (${signer.issuer})`).join(", ");
    return failed(`it is by ${identity} (${issuer}), and the recipe pins ${wanted}`);
  }
  return { outcome: "observed", kind: "sigstore", signer: identity, issuer, made, pinned: signers !== null, notes: [] };
}

/** What can be told without any trust: whether the bundle speaks of this file at all. */
function contentFlaw({ content }: Bundle, file: SignedFile, { named }: SigstoreTerms): string | null {
  if (content.$case === "messageSignature") {
    const { messageDigest } = content.messageSignature;
    const digest = Buffer.from(messageDigest.digest).toString("hex");
    return digest === file.sha256 ? null : `it is over other bytes: their digest is ${digest}`;
  }
  const { payloadType, payload, signatures } = content.dsseEnvelope;
  if (payloadType !== statementType) return `its payload is ${JSON.stringify(payloadType)}, no in-toto statement`;
  if (signatures.length !== 1) return `it has ${signatures.length} signatures where one belongs`;
  return statementFlaw(payload, file, { named });
}

async function entityOf(bundle: Bundle, { path, sha256 }: SignedFile): Promise<SignedEntity> {
  const { toSignedEntity } = await import("@sigstore/verify");
  const entity = toSignedEntity(bundle);
  if (bundle.content.$case !== "messageSignature") return entity;
  // The library wants the whole file in memory. What it does with it is done here piece by piece; SHA-256 is what `contentFlaw` compared with.
  const verifier = createVerify("sha256");
  const hash = createHash("sha256");
  for await (const chunk of chunksOf(path)) {
    verifier.update(chunk);
    hash.update(chunk);
  }
  // The bundle's own digest is a claim, and the file may have been exchanged since it was looked at.
  if (hash.digest("hex") !== sha256) throw changed(path);
  const { signature } = entity;
  return {
    ...entity,
    signature: {
      signature: signature.signature,
      compareSignature: (other) => signature.compareSignature(other),
      compareDigest: (digest) => signature.compareDigest(digest),
      compareSignedDigest: (digest) => signature.compareSignedDigest(digest),
      verifySignature: (key: KeyObject) => verifier.verify(key, signature.signature),
    },
  };
}

/** The first time that a log or an authority gives, ISO 8601. What is no time at all is refused by the verifier. */
function timeOf({ timestamps }: SignedEntity): string {
  const times = timestamps.map((stamp) =>
    stamp.$case === "timestamp-authority"
      ? stamp.timestamp.signingTime
      : new Date(Number(stamp.tlogEntry.integratedTime) * 1000),
  );
  const first = times.toSorted((a, b) => a.getTime() - b.getTime())[0];
  return first === undefined ? "" : first.toISOString();
}

function isLocal(error: unknown): boolean {
  return error instanceof ForgeError || (error instanceof Error && "syscall" in error);
}

function text(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${cause}`;
}

function failed(why: string): Judgement {
  return { outcome: "failed", why };
}
