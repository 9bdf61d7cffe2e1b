import type { SignedFile } from "./types.ts";

/** What an in-toto statement is called in an envelope. */
export const statementType = "application/vnd.in-toto+json";

/**
 * Null when an in-toto statement (attestation specification, v1) is about the file: a subject with its digest, and with its name where `named`
 * asks for that; else what is wrong.
 */
export function statementFlaw(
  payload: Uint8Array,
  file: SignedFile,
  { named }: { readonly named: boolean },
): string | null {
  let statement: unknown;
  try {
    statement = JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return "its statement is not JSON";
  }
  const { _type: type, subject: subjects } = (statement ?? {}) as {
    readonly _type?: unknown;
    readonly subject?: unknown;
  };
  if (typeof type !== "string" || !/^https:\/\/in-toto\.io\/Statement\/v[01]/.test(type) || !Array.isArray(subjects))
    return "its payload is no in-toto statement";
  const about = subjects.map(asSubject).filter(({ sha256 }) => sha256 === file.sha256);
  if (about.length === 0) {
    const said = subjects.map(asSubject).map(({ name, sha256 }) => `${name} (SHA-256 ${sha256})`);
    return `its statement is about ${said.join(", ") || "nothing"}`;
  }
  if (!named || about.some(({ name }) => plainName(name) === plainName(file.file))) return null;
  return `its statement has these bytes under another name: ${about.map(({ name }) => name).join(", ")}`;
}

function asSubject(subject: unknown): { readonly name: string; readonly sha256: string } {
  const { name, digest } = (subject ?? {}) as {
    readonly name?: unknown;
    readonly digest?: { readonly sha256?: unknown };
  };
  const sha256 = digest?.sha256;
  return {
    name: typeof name === "string" ? name : "a file without a name",
    sha256: typeof sha256 === "string" ? sha256.toLowerCase() : "none",
  };
}

/** A distribution's file name such that two spellings of one are equal: the tags of a wheel come in any order (binary distribution format). */
function plainName(name: string): string {
  const lower = name.toLowerCase();
  const plain = (text: string): string => text.replace(/[-_.]+/g, "-");
  if (!lower.endsWith(".whl")) return plain(lower);
  const parts = lower.slice(0, -".whl".length).split("-");
  const tags = parts.slice(-3).map((tag) => tag.split(".").toSorted().join("."));
  return [plain(parts.slice(0, -3).join("-")), ...tags, "whl"].join("-");
}
