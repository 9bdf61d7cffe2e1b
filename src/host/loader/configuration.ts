/** glibc's /etc/ld.so.conf (ldconfig(8)): folders in order, and includes. */
import { posix } from "node:path";
import type { Host } from "../types.ts";

/** The file that everything begins with. */
export const mainFile = "/etc/ld.so.conf";

/** The configuration as it would be. */
export interface LoaderConfiguration {
  /** In order, without includes: what ldconfig reads it as. */
  readonly lines: readonly string[];
  /** Folders that it names. */
  readonly folders: readonly string[];
  /** Whether the entry's file is among what is included, there or not. */
  readonly reached: boolean;
}

/** Reads it with the entry's file as if that named `library`, or (null) as if it were not there. */
export async function readConfiguration(
  host: Host,
  entry: { readonly file: string; readonly library: string | null },
): Promise<LoaderConfiguration> {
  const state = { lines: [] as string[], reached: false, seen: new Set<string>() };
  await readInto(mainFile, { host, entry, state });
  const folders = state.lines.filter((line) => line.startsWith("/")).map((line) => line.replace(/=.*$/, ""));
  return { lines: state.lines, folders, reached: state.reached };
}

interface Reading {
  readonly host: Host;
  readonly entry: { readonly file: string; readonly library: string | null };
  readonly state: { readonly lines: string[]; reached: boolean; readonly seen: Set<string> };
}

async function readInto(file: string, reading: Reading): Promise<void> {
  const { host, entry, state } = reading;
  if (file === entry.file) {
    state.reached = true;
    if (entry.library !== null) state.lines.push(entry.library);
    return;
  }
  // ldconfig would go round until its files run out.
  if (state.seen.has(file)) return;
  state.seen.add(file);
  for (const written of ((await host.readFile(file)) ?? "").split("\n")) {
    const line = written.replace(/#.*$/, "").trim();
    if (line === "") continue;
    const [word = "", ...patterns] = line.split(/\s+/);
    if (word !== "include") state.lines.push(line);
    else
      for (const pattern of patterns)
        for (const next of includedFiles(host, posix.resolve(posix.dirname(file), pattern), entry.file))
          await readInto(next, reading);
  }
}

/** Files that a pattern names, and the entry's own when it fits, in the order of the C locale. */
function includedFiles(host: Host, pattern: string, own: string): readonly string[] {
  let places = ["/"];
  for (const part of pattern.split("/").filter(Boolean)) {
    places = places.flatMap((place) => namesLike(host, place, part).map((name) => posix.join(place, name)));
  }
  const fits = own.split("/").length === pattern.split("/").length && partsFit(own, pattern);
  return [...new Set([...places, ...(fits ? [own] : [])])].toSorted((one, other) =>
    Buffer.compare(Buffer.from(one), Buffer.from(other)),
  );
}

function partsFit(path: string, pattern: string): boolean {
  const parts = path.split("/");
  return pattern.split("/").every((part, index) => globOf(part).test(parts[index] ?? ""));
}

function namesLike(host: Host, folder: string, part: string): readonly string[] {
  if (!/[*?[]/.test(part)) return host.tree.facts(posix.join(folder, part)) === null ? [] : [part];
  const entries = host.tree.entries(folder);
  if (entries === null || entries === "unreadable") return [];
  return entries.map((entry) => entry.name).filter((name) => globOf(part).test(name));
}

/** A part of a pattern as glob(7) reads it: a dot at the beginning is only met by a dot. */
function globOf(part: string): RegExp {
  const text = part.replaceAll(/\[!?[^\]]+\]|[*?]|[.+^${}()|[\]\\]/g, (found) => {
    if (found === "*") return "[^/]*";
    if (found === "?") return "[^/]";
    if (found.length > 1) return found.startsWith("[!") ? `[^${found.slice(2)}` : found;
    return `\\${found}`;
  });
  return new RegExp(`^${/^[*?[]/.test(part) ? "(?!\\.)" : ""}${text}$`);
}
