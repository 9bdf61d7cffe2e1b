import { ForgeError } from "../errors.ts";

/** How much an archive may hold. */
export interface UnpackLimits {
  readonly entries: number;
  /** Bytes of all members together. */
  readonly bytes: number;
  /** Bytes out per byte in; counts once `ratioFrom` bytes came out. */
  readonly ratio: number;
  readonly ratioFrom: number;
}

/** CPython has 5,000 members and 130 MB, both compressed about 6 times; these leave room and still stop a bomb. */
export const unpackLimits: UnpackLimits = {
  entries: 200_000,
  bytes: 4 * 1024 ** 3,
  ratio: 200,
  ratioFrom: 32 * 1024 * 1024,
};

/** The error for a member that could do harm. */
export function unsafe(archive: string, member: string, why: string, cause?: unknown): ForgeError {
  return new ForgeError(
    "archive-unsafe",
    `${archive}: ${member === "" ? "a member" : `the member ${quoted(member)}`} ${why}`,
    {
      hint: "Nothing was unpacked. An honest source archive has no such member: distrust where it came from",
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/** The error for an archive that cannot be read to its end. */
export function broken(archive: string, why: string, cause?: unknown): ForgeError {
  return new ForgeError("archive-broken", `${archive} cannot be unpacked: ${why}`, {
    hint: "Fetch it again; if it stays the same, it was published broken or is not a tar or zip archive",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Folders in folders: no source has twenty, and each one makes all work below it slower. */
const deepest = 100;

/** Folders of a member's path as a list; refuses what is absolute, goes up, or cannot be a name. */
export function pathParts(archive: string, member: string): readonly string[] {
  if (member.startsWith("/")) throw unsafe(archive, member, "has an absolute path");
  if (/\p{Cc}/u.test(member)) throw unsafe(archive, member, "has a control character in its name");
  if (member.includes("\uFFFD")) throw unsafe(archive, member, "has a name that is not UTF-8");
  if (member.includes("\\")) throw unsafe(archive, member, "has a backslash in its name");
  const parts = member.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw unsafe(archive, member, "leaves the folder (..)");
  if (parts.length > deepest) throw unsafe(archive, member, `lies more than ${deepest} folders deep`);
  if (parts.some((part) => Buffer.byteLength(part) > 255) || Buffer.byteLength(member) > 4096)
    throw unsafe(archive, member, "has a name that is too long");
  return parts;
}

/**
 * Where a symbolic link leads, walking as the kernel does through the links of the same archive. True when no step leaves the root and it is not a circle.
 * `links`: path below the root -> target.
 */
export function staysInside(path: string, links: ReadonlyMap<string, string>): boolean {
  const pending = path.split("/");
  const at: string[] = [];
  let followed = 0;
  while (pending.length > 0) {
    const part = pending.shift() ?? "";
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (at.length === 0) return false;
      at.pop();
      continue;
    }
    at.push(part);
    const target = links.get(at.join("/"));
    if (target === undefined) continue;
    if (target.startsWith("/")) return false;
    // As many as the kernel follows: a circle, or made to hide where it leads.
    if (++followed > 40) return false;
    at.pop();
    pending.unshift(...target.split("/"));
  }
  return true;
}

/** A name for messages: control characters made visible, long ones cut. */
export function quoted(name: string): string {
  const short = name.length > 200 ? `${name.slice(0, 200)}…` : name;
  return JSON.stringify(short);
}
