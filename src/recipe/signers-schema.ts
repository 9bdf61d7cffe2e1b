import { z } from "zod";
import { family, mapping, name, oneOrList, recipePath, text } from "./fields.ts";

const fingerprint = z
  .string()
  .regex(/^[0-9a-fA-F]{40}$/, {
    error: (issue) => `a full OpenPGP fingerprint: 40 hexadecimal digits${flaw(String(issue.input))}`,
  })
  .transform((value) => value.toUpperCase());

function flaw(written: string): string {
  return /^[0-9a-fA-F]+$/.test(written) ? `, not ${written.length}` : ", nothing else, no spaces";
}

const issuer = z.string().regex(/^https:\/\/\S+$/, { error: "an address that begins with https://" });

/** An identity as Sigstore's certificates hold it, and who vouches for it. */
export const sigstoreIdentity = mapping({ identity: text, issuer });

const signer = family(
  "signer",
  ["openpgp", "sigstore"],
  [
    mapping({ openpgp: mapping({ fingerprints: oneOrList(fingerprint), keys: recipePath }) }).transform(
      ({ openpgp }) => ({ kind: "openpgp" as const, ...openpgp }),
    ),
    mapping({ sigstore: sigstoreIdentity }).transform(({ sigstore }) => ({ kind: "sigstore" as const, ...sigstore })),
  ],
);

/** The written form of `signers`. */
export const signers = z
  .record(name, signer)
  .default({})
  .describe("Whose signatures count: OpenPGP keys by full fingerprint, or identities of Sigstore");

/** The written form of a source's `signature`, given the schema of a location. */
export function signatureOf<Place extends z.ZodType>(location: Place) {
  return mapping({
    by: oneOrList(name).describe("Names of signers; one of them is enough"),
    required: z.boolean().default(false).describe("Without a signature the source is refused"),
    locations: z
      .array(location)
      .min(1)
      .exactOptional()
      .describe("Where it is, when not beside the source under its name with .asc or .sigstore"),
  });
}
