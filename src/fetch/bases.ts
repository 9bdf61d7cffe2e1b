import { join } from "node:path";
import { crateRegistry } from "./crates.ts";
import { pipIndex } from "./pip-config.ts";
import type { PipMachine } from "./pip-config.ts";
import type { RegistryBases } from "./types.ts";

/** How the machine's configuration is read. `readFile` and `list` are those of a Host: null and an empty list for what is not there. */
export interface BasesMachine extends PipMachine {
  readonly list: (folder: string) => Promise<readonly string[]>;
}

/** Base addresses of the registries, as this machine's own configuration names them. */
export async function registryBases(machine: BasesMachine): Promise<RegistryBases> {
  const [debian, pypi, crates] = await Promise.all([debianBases(machine), pipIndex(machine), crateRegistry(machine)]);
  return { debian, pypi, crates };
}

/** Distinct archive addresses in apt's order: `sources.list`, then the files of `sources.list.d` by name. Empty on machines of another family. */
async function debianBases({ readFile, list }: BasesMachine): Promise<readonly string[]> {
  const release = (await readFile("/etc/os-release")) ?? (await readFile("/usr/lib/os-release")) ?? "";
  if (!isDebianFamily(release)) return [];
  const folder = "/etc/apt/sources.list.d";
  const names = [...(await list(folder))].filter((name) => /\.(list|sources)$/.test(name)).sort();
  const files = ["/etc/apt/sources.list", ...names.map((name) => join(folder, name))];
  const texts = await Promise.all(files.map(async (file) => ({ file, text: (await readFile(file)) ?? "" })));
  const found = texts.flatMap(({ file, text }) =>
    file.endsWith(".sources") ? parseDeb822(text) : parseSourcesList(text),
  );
  return [...new Set(found.map((address) => address.replace(/\/+$/, "")))].filter((address) =>
    /^(https?:\/\/|file:\/)/.test(address),
  );
}

/** `ID` or `ID_LIKE` of os-release(5). */
export function isDebianFamily(release: string): boolean {
  return release.split("\n").some((line) => {
    const [, key, value] = /^(ID|ID_LIKE)=(.*)$/.exec(line.trim()) ?? [];
    return key !== undefined && (value ?? "").replace(/["']/g, "").split(/\s+/).includes("debian");
  });
}

/** Addresses of `deb` and `deb-src` lines of the one-line format (sources.list(5)). */
export function parseSourcesList(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => {
    const found = /^\s*deb(?:-src)?\s+(?:\[[^\]]*\]\s*)?([^\s#]+)/.exec(line);
    return found?.[1] === undefined ? [] : [found[1]];
  });
}

/** Addresses of the `URIs` fields of enabled stanzas (sources.list(5), deb822 style). */
export function parseDeb822(text: string): readonly string[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  const stanzas = lines.join("\n").split(/\n\s*\n/);
  return stanzas.flatMap((stanza) => {
    const fields = new Map<string, string>();
    // A line that begins with white space continues the field before it.
    for (const line of stanza.replace(/\n[ \t]+/g, " ").split("\n")) {
      const [, name, value] = /^([^:\s]+):(.*)$/.exec(line) ?? [];
      if (name !== undefined) fields.set(name.toLowerCase(), (value ?? "").trim());
    }
    if (/^(no|false|0|off|without|disable)$/i.test(fields.get("enabled") ?? "yes")) return [];
    return (fields.get("uris") ?? "").split(/\s+/).filter((address) => address !== "");
  });
}
