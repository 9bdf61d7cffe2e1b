import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  createMessage,
  enums,
  generateKey,
  readSignature,
  reformatKey,
  sign,
  type PrivateKey,
  type PublicKey,
  type Signature,
  type Subkey,
} from "openpgp";
import type { OpenPgpSigner, SignatureSpec } from "../../../src/recipe/index.ts";

export const day = 86_400_000;

/** A key of a release manager of our own. `created` and `lifeDays` decide when it is valid; Ed25519 makes it quick. */
export async function keyOf(
  name: string,
  { created = new Date(Date.now() - 10 * day), lifeDays = 0, subkey = false } = {},
): Promise<PrivateKey> {
  const { privateKey } = await generateKey({
    type: "ecc",
    curve: "ed25519Legacy",
    userIDs: [{ name, email: `${name}@releases.example` }],
    date: created,
    keyExpirationTime: lifeDays * 86_400,
    subkeys: subkey ? [{ sign: true }] : [],
    format: "object",
  });
  return privateKey;
}

export function fingerprint(key: PrivateKey | PublicKey | Subkey): string {
  return key.getFingerprint().toUpperCase();
}

/** An armored detached signature over bytes. */
export async function signed(
  bytes: Uint8Array,
  keys: PrivateKey | PrivateKey[],
  made: Date = new Date(),
): Promise<string> {
  return sign({
    message: await createMessage({ binary: bytes }),
    signingKeys: keys,
    detached: true,
    date: made,
    format: "armored",
  });
}

/** The same as an object, whose packets a test may spoil. */
export async function signatureOver(bytes: Uint8Array, key: PrivateKey): Promise<Signature> {
  const binarySignature = await sign({
    message: await createMessage({ binary: bytes }),
    signingKeys: key,
    detached: true,
    format: "binary",
  });
  return readSignature({ binarySignature });
}

/** A signer of a recipe with those keys in its key file, each pinned. */
export async function signerOf(
  folder: string,
  name: string,
  ...keys: (PrivateKey | PublicKey)[]
): Promise<OpenPgpSigner> {
  const file = join(folder, `${name}.asc`);
  await writeFile(file, keys.map((key) => key.toPublic().armor()).join("\n"));
  const span = { file: "recipe.yaml", line: 1, column: 1 };
  return {
    kind: "openpgp",
    name,
    fingerprints: keys.map(fingerprint),
    keys: file,
    spans: { keys: span, fingerprints: keys.map(() => span) },
  };
}

/** The key with a new word on itself, made at `date`, else when the key was, and without the old one: valid so many days, 0 for ever. */
export async function withEnd(key: PrivateKey, lifeDays: number, date = key.getCreationTime()): Promise<PrivateKey> {
  const { privateKey } = await reformatKey({
    privateKey: key,
    userIDs: [{ name: "alice" }],
    keyExpirationTime: lifeDays * 86_400,
    date,
    format: "object",
  });
  return privateKey;
}

export function demand(...signers: OpenPgpSigner[]): SignatureSpec {
  return { signers, required: true, locations: [] };
}

export const reasons = enums.reasonForRevocation;
