import type { SourceRecord } from "./commands/sources.ts";

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
