import { readFile, stat } from "node:fs/promises";
import type { PublicKey } from "openpgp";
import { refuse, type OpenPgpSigner, type Problem, type Recipe } from "../../recipe/index.ts";
import { errnoOf } from "../problems.ts";

/** A key whose signatures count, and the signer it belongs to. */
export interface PinnedKey {
  readonly signer: OpenPgpSigner;
  /** Of the primary key, upper-case hex. */
  readonly fingerprint: string;
  readonly key: PublicKey;
}

/** The armored blocks of a text with one label each (RFC 9580, 6.2), as concatenated files have them. */
export function armoredBlocks(text: string, label: "PUBLIC KEY BLOCK" | "SIGNATURE"): readonly string[] {
  return text.match(new RegExp(`-----BEGIN PGP ${label}-----[^]*?-----END PGP ${label}-----`, "g")) ?? [];
}

/** The keys that signers pin, from their key files; other keys of these files count for nothing. Throws `recipe-invalid` as `checkKeys`. */
export async function pinnedKeys(signers: readonly OpenPgpSigner[]): Promise<readonly PinnedKey[]> {
  const read = await Promise.all(signers.map(readSigner));
  const problems = read.flatMap(({ problems: found }) => found);
  if (problems.length > 0) return refuse("recipe-invalid", problems);
  return read.flatMap(({ keys }) => keys);
}

/**
 * Checks the key files that a recipe's signers name: each is there, holds public keys, and holds each fingerprint of its signer. Throws one
 * ForgeError `recipe-invalid` with the places in the recipe.
 */
export async function checkKeys({ signers }: Pick<Recipe, "signers">): Promise<void> {
  await pinnedKeys(Object.values(signers).filter((signer) => signer.kind === "openpgp"));
}

async function readSigner(
  signer: OpenPgpSigner,
): Promise<{ readonly keys: readonly PinnedKey[]; readonly problems: readonly Problem[] }> {
  const there = await keysOf(signer);
  if (!Array.isArray(there)) return { keys: [], problems: [there as Problem] };
  const keys: PinnedKey[] = [];
  const problems: Problem[] = [];
  for (const [index, fingerprint] of signer.fingerprints.entries()) {
    const key = (there as readonly PublicKey[]).find((one) => fingerprintOf(one) === fingerprint);
    if (key !== undefined) keys.push({ signer, fingerprint, key });
    else
      problems.push({
        message: `${signer.keys} holds no key ${fingerprint}`,
        span: signer.spans.fingerprints[index] ?? signer.spans.keys,
        expected: `the fingerprint of a primary key: ${(there as readonly PublicKey[]).map(fingerprintOf).join(", ")}`,
      });
  }
  return { keys, problems };
}

/** Upper-case hex of a primary key's fingerprint. */
function fingerprintOf(key: PublicKey): string {
  return key.getFingerprint().toUpperCase();
}

async function keysOf(signer: OpenPgpSigner): Promise<readonly PublicKey[] | Problem> {
  const span = signer.spans.keys;
  let text: string;
  try {
    const facts = await stat(signer.keys);
    // A device in its place would never end.
    if (!facts.isFile() && !facts.isDirectory()) return malformed(signer, "it is no regular file");
    text = await readFile(signer.keys, "utf8");
  } catch (error) {
    const code = errnoOf(error);
    if (code === null) throw error;
    const message = code === "ENOENT" ? `the key file is missing: ${signer.keys}` : `${signer.keys}: ${code}`;
    return { message, span, hint: "put the signer's public keys there, armored" };
  }
  const { readKeys } = await import("openpgp");
  try {
    const blocks = armoredBlocks(text, "PUBLIC KEY BLOCK");
    const keys = (await Promise.all(blocks.map((armoredKeys) => readKeys({ armoredKeys })))).flat();
    if (keys.length > 0) return keys.map((key) => key.toPublic());
  } catch {
    return malformed(signer, "a block in it is cut short or damaged");
  }
  return malformed(signer, "there is no block of public keys in it");
}

function malformed({ keys, spans }: OpenPgpSigner, reason: string): Problem {
  return {
    message: `${keys} cannot be read as OpenPGP keys: ${reason}`,
    span: spans.keys,
    expected: "public keys as gpg --export --armor writes them",
  };
}
