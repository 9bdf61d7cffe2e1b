import type { SignatureVerdict } from "../recipe/index.ts";
import type { Receipt } from "../store/index.ts";

/** What is known of a source's signature; `failed` is told here, and refused by whatever would build with it. */
export type SeenVerdict = SignatureVerdict | { readonly outcome: "failed"; readonly why: string };

/** One source of a stack. */
export interface SourceRecord {
  readonly recipe: string;
  readonly version: string;
  readonly name: string;
  readonly file: string;
  readonly sha256: string;
  /** Path in a cache where it lies, or null. */
  readonly cached: string | null;
  /** Where what lies there came from first; null where that is not known. */
  readonly origin: string | null;
  /** Whose signature the recipe or its lock file takes, and whether it demands one. */
  readonly signers: readonly string[];
  readonly required: boolean;
  /** Checked now when the source is cached; else as the receipt of what was built from it has it. */
  readonly signature: SeenVerdict;
  /** What the current generation was built with under this name, as its receipt says. */
  readonly built:
    | (Pick<Receipt["sources"][number], "sha256" | "location" | "verified"> & {
        /** Of `cache`: where the bytes came from first; null where that is not known. */
        readonly origin: string | null;
      })
    | null;
}

/** The sources of a stack as text: a block for each. */
export function sourceText(records: readonly SourceRecord[]): string {
  return records.map(block).join("\n");
}

function block(record: SourceRecord): string {
  const { recipe, version, name, file, sha256, cached, built } = record;
  const lines = [
    `${recipe} ${version}${name === recipe ? "" : `, ${name}`}: ${file}`,
    `  sha256     ${sha256}`,
    `  signature  ${signatureText(record)}`,
    `  from       ${built === null ? notBuilt(record) : originText(built, sha256)}`,
    `  cached     ${cached ?? "no"}`,
  ];
  return `${lines.join("\n")}\n`;
}

function signatureText({ signature, signers, required }: SourceRecord): string {
  if (signature.outcome === "observed") {
    const { kind, signer, key, issuer, made, notes } = signature;
    const who =
      kind === "openpgp"
        ? `signed by ${signer}, key ${key}`
        : `${kind === "sigstore" ? "signed" : "attested"} by ${signer} (${issuer})`;
    const day = made === "" ? "" : `, ${made.slice(0, 10)}`;
    return [`${who}${day}${signature.pinned ? "" : ", whom nothing pins"}`, ...notes].join("; ");
  }
  if (signature.outcome === "failed") return `WRONG: ${signature.why}`;
  const wanted = signers.length === 0 ? "" : `; ${required ? "demanded" : "wanted"} of ${signers.join(" or ")}`;
  return `not checked: ${signature.why}${wanted}`;
}

function notBuilt({ cached, origin }: SourceRecord): string {
  const nothing = "nothing is built from it";
  return cached === null ? nothing : `${nothing}; the cache has it, ${firstText(origin)}`;
}

function firstText(origin: string | null): string {
  return origin === null ? "first location not known" : `first from ${origin}`;
}

function originText(built: NonNullable<SourceRecord["built"]>, sha256: string): string {
  const { location, origin, verified } = built;
  const from = location === "cache" ? `cache, ${firstText(origin)}` : location;
  if (built.sha256 === sha256) return from;
  return `${from}${verified ? "" : ", unverified"}: other bytes, SHA-256 ${built.sha256}`;
}
