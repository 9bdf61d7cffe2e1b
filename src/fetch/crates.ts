import { join, resolve } from "node:path";
import { cargoEntries } from "./cargo-config.ts";
import { isFailure, lasting } from "./failures.ts";
import type { Failure } from "./failures.ts";
import { isHttp } from "./locations.ts";
import { readPage } from "./page.ts";
import type { PageOptions } from "./page.ts";
import type { PipMachine } from "./pip-config.ts";

/**
 * The registry that stands for the public one in the user's cargo configuration (The Cargo Book, "Source Replacement"): `sparse+https://…` for a sparse
 * index, another address for one in git, `file:…` for a folder of `.crate` files. Null when nothing is configured: then cargo's own default counts.
 */
export async function crateRegistry({ environment, readFile, home }: PipMachine): Promise<string | null> {
  const folder = environment["CARGO_HOME"] ?? join(home, ".cargo");
  // Cargo prefers the name without ending when both are there.
  const text = (await readFile(join(folder, "config"))) ?? (await readFile(join(folder, "config.toml")));
  if (text === null) return null;
  const values = new Map(cargoEntries(text).map(({ key, value }) => [key.join("\n"), unquoted(value)]));
  const at = (...key: readonly string[]): string | undefined => values.get(key.join("\n"));
  let name = "crates-io";
  for (let hop = 0; hop < 8; hop++) {
    const next = at("source", name, "replace-with");
    if (next === undefined) break;
    name = next;
  }
  const local = at("source", name, "local-registry");
  // Paths are taken from the folder above the one that holds the configuration.
  if (local !== undefined) return `file:${resolve(folder, "..", local)}`;
  return at("source", name, "registry") ?? (name === "crates-io" ? null : (at("registries", name, "index") ?? null));
}

function unquoted(value: string): string {
  return /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
}

/**
 * Address of a crate's file: the index's `config.json` has the template (The Cargo Book, "Index Format"). No entry of the index is read: version
 * and digest are in the recipe's lock.
 */
export async function findCrate(
  { index, name, version, sha256 }: { index: URL; name: string; version: string; sha256: string },
  options: PageOptions,
): Promise<URL | Failure> {
  const page = await readPage(new URL("config.json", index), {}, options);
  if (isFailure(page)) return page;
  const template = templateOf(page.text);
  if (template === null) return lasting("the index of crates does not say where crates are");
  const values: Readonly<Record<string, string>> = {
    "{crate}": name,
    "{version}": version,
    "{prefix}": prefixOf(name),
    "{lowerprefix}": prefixOf(name.toLowerCase()),
    "{sha256-checksum}": sha256,
  };
  const marker = /\{(?:crate|version|prefix|lowerprefix|sha256-checksum)\}/g;
  const whole = template.search(marker) >= 0 ? template : `${template.replace(/\/+$/, "")}/{crate}/{version}/download`;
  const url = URL.parse(whole.replaceAll(marker, (found) => values[found] ?? found));
  if (url === null || !isHttp(url) || (index.protocol === "https:" && url.protocol !== "https:"))
    return lasting("the index of crates points to an address that is refused");
  if (url.origin === index.origin) {
    url.username = index.username;
    url.password = index.password;
  }
  return url;
}

function templateOf(text: string): string | null {
  try {
    const config: unknown = JSON.parse(text);
    const dl = typeof config === "object" && config !== null && "dl" in config ? config.dl : null;
    return typeof dl === "string" ? dl : null;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
}

/** The folders of an index file: `1`, `2`, `3/a`, `ca/rg`. */
function prefixOf(name: string): string {
  if (name.length < 3) return String(name.length);
  return name.length === 3 ? `3/${name[0]}` : `${name.slice(0, 2)}/${name.slice(2, 4)}`;
}
