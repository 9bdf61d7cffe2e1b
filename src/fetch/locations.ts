import { fileURLToPath } from "node:url";
import type { Location, Source } from "../recipe/types.ts";
import type { FetchOptions } from "./types.ts";

/** One concrete place to ask. `text` is how it is shown and recorded, without credentials. */
export type Candidate = { readonly location: Location; readonly text: string } & (
  | { readonly kind: "http"; readonly url: URL }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "pypi"; readonly index: URL; readonly project: string; readonly file: string }
  | { readonly kind: "crate"; readonly index: URL; readonly name: string; readonly version: string }
  /** Cannot be asked on this machine or with these options. */
  | { readonly kind: "none"; readonly reason: string }
);

/** Every place a source may come from, in the order in which they are tried: the mirror of the options, then the recipe's. */
export function candidates(
  source: Source,
  options: Pick<FetchOptions, "bases" | "mirror" | "offline">,
): readonly Candidate[] {
  const mirror: readonly Location[] = options.mirror === undefined ? [] : [{ kind: "mirror", url: options.mirror }];
  const all = [...mirror, ...source.locations].flatMap((location) => expand(location, source, options));
  return options.offline ? all.map(offline) : all;
}

function expand(location: Location, source: Source, { bases }: Pick<FetchOptions, "bases">): readonly Candidate[] {
  switch (location.kind) {
    case "url":
      return [fromUrl(location, location.url)];
    case "mirror":
      return [fromUrl(location, below(location.url, source.sha256 ?? source.file))];
    case "file":
      return [{ location, kind: "file", path: location.path, text: location.path }];
    case "debian":
      if (bases.debian.length === 0)
        return [
          {
            location,
            kind: "none",
            text: location.path,
            reason: "no Debian package archive is configured on this machine",
          },
        ];
      return bases.debian.map((base) => fromUrl(location, below(base, location.path)));
    case "crate":
      return [fromRegistry(location, bases.crates)];
    case "pypi": {
      const text = `Python package index, ${location.project}/${location.file}`;
      const index =
        bases.pypi === null ? null : URL.parse(below(bases.pypi, `${normalisedProject(location.project)}/`));
      if (index === null)
        return [{ location, kind: "none", text, reason: "no Python package index is known on this machine" }];
      if (!isHttp(index))
        return [
          {
            location,
            kind: "none",
            text,
            reason: `the Python package index is not reached by http or https (${index.protocol})`,
          },
        ];
      return [{ location, kind: "pypi", index, project: location.project, file: location.file, text }];
    }
  }
}

/** `registry`: as `RegistryBases` has it. */
function fromRegistry(location: Extract<Location, { kind: "crate" }>, registry: string | null | undefined): Candidate {
  const { name, version } = location;
  const text = `registry of Rust crates, ${name} ${version}`;
  const none = (reason: string): Candidate => ({ location, kind: "none", text, reason });
  if (registry === null || registry === undefined) return none("no registry of Rust crates is known on this machine");
  if (registry.startsWith("file:"))
    return { location, kind: "file", path: `${registry.slice("file:".length)}/${name}-${version}.crate`, text };
  const index = registry.startsWith("sparse+")
    ? URL.parse(`${registry.slice("sparse+".length).replace(/\/*$/, "")}/`)
    : null;
  if (index === null || !isHttp(index))
    return none("the registry of Rust crates of this machine is not a sparse index");
  return { location, kind: "crate", index, name, version, text };
}

function fromUrl(location: Location, address: string): Candidate {
  const url = URL.parse(address);
  if (url === null) return { location, kind: "none", text: address, reason: "not an address" };
  if (isHttp(url)) return { location, kind: "http", url, text: shown(url) };
  if (url.protocol === "file:" && url.hostname === "")
    return { location, kind: "file", path: fileURLToPath(url), text: url.href };
  return { location, kind: "none", text: shown(url), reason: `the scheme ${url.protocol} is not supported` };
}

function offline(candidate: Candidate): Candidate {
  if (candidate.kind === "file" || candidate.kind === "none") return candidate;
  return {
    location: candidate.location,
    text: candidate.text,
    kind: "none",
    reason: "not asked, because of --offline",
  };
}

/** An address for messages and receipts: without user, password and query, which may hold secrets. */
export function shown(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Whether this is an address of the two schemes that are fetched from. */
export function isHttp(url: URL): boolean {
  return url.protocol === "https:" || url.protocol === "http:";
}

/** The form of a project's name in addresses of a simple index (Python packaging specification, name normalisation). */
export function normalisedProject(project: string): string {
  return project.toLowerCase().replace(/[-_.]+/g, "-");
}

function below(base: string, path: string): string {
  return `${base.replace(/\/+$/, "")}/${path.replace(/^\/+/, "")}`;
}
