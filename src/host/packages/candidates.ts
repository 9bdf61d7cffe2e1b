import { inRange } from "../tools.ts";
import type { Host } from "../types.ts";

/** The version that would be installed, by package name. Only apt's lists are read; names without a candidate are absent. */
export async function candidateVersions(host: Host, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (host.packageFamily !== "apt" || names.length === 0) return new Map();
  const answer = await host.exec(["apt-cache", "policy", ...names], { timeoutSeconds: 20 });
  return parseAptPolicy(answer.stdout);
}

/** Candidate version by package name, from the output of `apt-cache policy`. */
export function parseAptPolicy(text: string): ReadonlyMap<string, string> {
  const versions = new Map<string, string>();
  let name = "";
  for (const line of text.split("\n")) {
    if (/^\S+:$/.test(line)) name = line.slice(0, -1);
    const candidate = /^ +Candidate: (\S+)$/.exec(line)?.[1];
    if (candidate !== undefined && candidate !== "(none)") versions.set(name, candidate);
  }
  return versions;
}

/** Package names that a wanted name stands for: itself, or the alternatives of `a>=1.83|b>=1.83`. */
export function alternativesOf(wanted: string): readonly { readonly name: string; readonly range: string | null }[] {
  return wanted.split("|").map((part) => {
    const [, name = part, range = ""] = /^([^<>=]+)(.*)$/.exec(part.trim()) ?? [];
    return { name, range: range === "" ? null : range };
  });
}

/** Decides a wanted name: the first alternative whose candidate fits, or null when none is known to. */
export async function decide(wanted: string, candidates: ReadonlyMap<string, string>): Promise<string | null> {
  for (const { name, range } of alternativesOf(wanted)) {
    const version = candidates.get(name);
    if (version !== undefined && (range === null || (await inRange(version, range)) === true)) return name;
  }
  return null;
}
