import { basename, dirname, join } from "node:path";
import { ForgeError } from "../errors.ts";
import { atomicWrite, explained, readOwn } from "./disk.ts";
import { prefixPaths } from "./paths.ts";
import { refuseNewer } from "./layout.ts";
import { isFlag, isHostRecord, isNumber, isText, listOf, mapOf, oneOf, optional, orNull, shapeOf } from "./shapes.ts";
import type { KnownFlaw, Manifest } from "./types.ts";

/** What may be added to a manifest after its generation was made: by applying to the host, launching, verifying; a new fingerprint when other inputs gave the same results. */
export type ManifestAddition = Partial<
  Pick<Manifest, "host" | "server" | "report" | "warnings" | "fingerprint" | "tools" | "accepted" | "exposed">
>;

/**
 * The manifest of a generation, or without a number of the current one; null when there is no such generation.
 * Throws `prefix-newer`, and `prefix-unusable` for one that cannot be read or is damaged.
 */
export async function readManifest(prefix: string, generation?: number): Promise<Manifest | null> {
  const path = manifestPath(prefix, generation);
  let text: string | null;
  try {
    text = await readOwn(path);
  } catch (error) {
    throw explained(error, path);
  }
  return text === null ? null : parseManifest(text, path);
}

function manifestPath(prefix: string, generation: number | undefined): string {
  const { current, generations } = prefixPaths(prefix);
  return join(generation === undefined ? current : join(generations, String(generation)), "manifest.json");
}

function parseManifest(text: string, path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged(path);
    throw error;
  }
  const layout = typeof value === "object" && value !== null && "layout" in value ? value.layout : undefined;
  if (typeof layout === "number") refuseNewer(layout, path);
  if (!isManifest(value)) throw damaged(path);
  return value;
}

const isManifest = shapeOf<Manifest>({
  schema: oneOf("tlsforge.manifest/1"),
  layout: oneOf(1),
  generation: Number.isInteger,
  stack: isText,
  created: isText,
  builds: listOf(
    shapeOf<Manifest["builds"][number]>({
      recipe: isText,
      version: isText,
      key: isText,
      out: isText,
      location: isText,
    }),
  ),
  host: listOf(isHostRecord),
  fingerprint: isText,
  tools: listOf(shapeOf<Manifest["tools"][number]>({ path: isText, size: isNumber, mtimeMs: isNumber })),
  server: orNull(shapeOf<NonNullable<Manifest["server"]>>({ configDigest: isText, listen: listOf(isText) })),
  accepted: isFlag,
  report: orNull(
    shapeOf<NonNullable<Manifest["report"]>>({
      grade: orNull(isText),
      gradeTrustIgnored: orNull(isText),
      bounds: optional(mapOf(isText)),
      path: isText,
    }),
  ),
  warnings: listOf(isText),
  vulnerable: optional(listOf(shapeOf<KnownFlaw>({ recipe: isText, version: isText, id: isText, name: isText }))),
  exposed: optional(listOf(isText)),
});

function damaged(path: string): ForgeError {
  const folder = dirname(path);
  return new ForgeError("prefix-unusable", `The manifest ${path} is damaged`, {
    hint:
      basename(folder) === "current"
        ? `Go back with tlsforge rollback N (tlsforge generations lists what there is), or remove ${folder} and run tlsforge build or tlsforge provision again`
        : "tlsforge gc removes this generation when another one is current",
  });
}

/**
 * Replaces the given parts of a generation's manifest, atomically, and gives the new one.
 * Throws `not-found` when there is no such generation, and what `readManifest` throws.
 */
export async function updateManifest(
  prefix: string,
  generation: number,
  addition: ManifestAddition,
): Promise<Manifest> {
  const manifest = await readManifest(prefix, generation);
  if (manifest === null) throw new ForgeError("not-found", `There is no generation ${generation} in ${prefix}`);
  const updated = { ...manifest, ...addition };
  await writeManifest(manifestPath(prefix, generation), updated);
  return updated;
}

/** Writes a manifest to that path, atomically. */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  await atomicWrite(path, `${JSON.stringify(manifest, null, 2)}\n`);
}
