import { ForgeError } from "../errors.ts";
import { signatureExtensions } from "../fetch/index.ts";
import type { BundledSource, BundleIndex } from "./types.ts";

/** Name of the member that says what the others are. */
export const indexName = "index.json";

/** The longest index, signature and source that are taken, in bytes. */
export const longest = { index: 4 * 1024 * 1024, signature: 1024 * 1024, source: 512 * 1024 * 1024 };

/** One member after the index: its name is all that decides where it is put, and cannot be anything but a digest with an ending. */
export interface BundleMember {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** The members that an index promises, in their order. */
export function membersOf({ sources }: Pick<BundleIndex, "sources">): readonly BundleMember[] {
  return sources.flatMap(({ sha256, bytes, signatures }) => [
    { name: sha256, sha256, bytes },
    ...signatures.map((signature) => ({ ...signature, name: `${sha256}.${signature.ending}` })),
  ]);
}

/** Reads and checks an index. Throws `archive-broken`. */
export function parseIndex(text: string, file: string): BundleIndex {
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw noBundle(file, "its index is not JSON");
  }
  if (isRecord(index) && typeof index["schema"] === "string" && /^tlsforge\.bundle\/[2-9]/.test(index["schema"])) {
    throw new ForgeError("archive-broken", `${file} was made by a newer tlsforge (${index["schema"]})`, {
      hint: "use that version here too",
    });
  }
  if (!isRecord(index) || index["schema"] !== "tlsforge.bundle/1" || !isIndex(index))
    throw noBundle(file, "its index does not say what is in it");
  const names = new Set(index.sources.map(({ sha256 }) => sha256));
  if (names.size !== index.sources.length) throw noBundle(file, "its index names a source twice");
  return index;
}

/** The error for a file that is no bundle, or is damaged. */
export function noBundle(file: string, why: string, cause?: unknown): ForgeError {
  return new ForgeError("archive-broken", `${file} is not a whole bundle of sources: ${why}`, {
    hint: "copy it again, or make it again with tlsforge bundle create",
    ...(cause === undefined ? {} : { cause }),
  });
}

function isIndex(index: Readonly<Record<string, unknown>>): index is Readonly<Record<string, unknown>> & BundleIndex {
  const { stack, platform, sources } = index;
  return (
    typeof stack === "string" &&
    isRecord(platform) &&
    ["os", "arch", "libc"].every((key) => typeof platform[key] === "string") &&
    Array.isArray(sources) &&
    sources.length > 0 &&
    sources.every(isSource)
  );
}

function isSource(value: unknown): value is BundledSource {
  return (
    isRecord(value) &&
    ["name", "recipe", "version", "file"].every((key) => isWord(value[key])) &&
    isFile(value, longest.source) &&
    Array.isArray(value["signatures"]) &&
    value["signatures"].every(
      (one) => isFile(one, longest.signature) && signatureExtensions.some((ending) => ending === one["ending"]),
    )
  );
}

/** Shown on terminals. */
function isWord(value: unknown): boolean {
  return typeof value === "string" && value.length < 256 && !/\p{Cc}/u.test(value);
}

function isFile(value: unknown, limit: number): value is Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return false;
  const { sha256, bytes } = value;
  const counted = typeof bytes === "number" && Number.isSafeInteger(bytes) && bytes >= 0 && bytes <= limit;
  return counted && typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
