/**
 * A configuration file that is wholly ours. Its first line says so and holds a digest of the rest,
 * so that a change by hand is seen without any record.
 */
import { createHash } from "node:crypto";
import type { Host, HostCommand } from "../types.ts";
import { asRoot } from "./kind.ts";

const firstLine = /^# Written by tlsforge \(content ([0-9a-f]{16})\)\. .*\n/;

/** The text of a managed file with this content. */
export function managedText(content: string): string {
  return `# Written by tlsforge (content ${digest(content)}). A change by hand is shown by "tlsforge plan", never overwritten.\n${content}`;
}

/** Whose a file's text is: ours as written, ours changed by hand, or somebody else's. */
export function ownerOf(text: string | null): "absent" | "ours" | "changed" | "foreign" {
  if (text === null) return "absent";
  const recorded = firstLine.exec(text);
  if (recorded === null) return "foreign";
  return recorded[1] === digest(text.slice(recorded[0].length)) ? "ours" : "changed";
}

/** Why a file of this owner must not be touched; null when it may. */
export function driftOf(path: string, owner: ReturnType<typeof ownerOf>): string | null {
  if (owner === "foreign") return `${path} is there and was not written by tlsforge`;
  if (owner === "changed") return `${path} was changed by hand since tlsforge wrote it`;
  return null;
}

/**
 * Writes a file whole or not at all: the text goes through standard input into a new file beside it, which is synced and renamed.
 * The same commands for root and for sudo, and every one of them stands in the plan.
 */
export function writeCommands(path: string, text: string): readonly HostCommand[] {
  const fresh = freshPath(path);
  return [
    { argv: ["tee", fresh], elevated: true, input: text },
    asRoot("chmod", "0644", fresh),
    asRoot("sync", fresh),
    asRoot("mv", "-f", fresh, path),
  ];
}

/** Removes what a write that broke off has left beside the file; nothing when there is nothing. */
export async function leftoverCommands(host: Host, path: string): Promise<readonly HostCommand[]> {
  return (await host.facts(freshPath(path))) === null ? [] : [asRoot("rm", "-f", freshPath(path))];
}

function freshPath(path: string): string {
  return `${path}.tlsforge-new`;
}

function digest(content: string): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}
