import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ForgeError } from "../errors.ts";
import { atomicWrite, explained, hasCode } from "./disk.ts";
import { prefixPaths } from "./paths.ts";
import { refuseNewer } from "./layout.ts";
import type { Manifest } from "./types.ts";

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
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw explained(error, path);
  }
  return parseManifest(text, path);
}

function manifestPath(prefix: string, generation: number | undefined): string {
  const { current, generations } = prefixPaths(prefix);
  return join(generation === undefined ? current : join(generations, String(generation)), "manifest.json");
}

function parseManifest(text: string, path: string): Manifest {
  let value: Partial<Record<keyof Manifest, unknown>> | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged(path);
    throw error;
  }
  if (typeof value !== "object" || value === null) throw damaged(path);
  if (typeof value.layout === "number") refuseNewer(value.layout, path);
  const whole =
    value.schema === "tlsforge.manifest/1" &&
    value.layout === 1 &&
    Number.isInteger(value.generation) &&
    typeof value.fingerprint === "string" &&
    [value.builds, value.host, value.tools, value.warnings].every((item) => Array.isArray(item));
  if (!whole) throw damaged(path);
  return value as Manifest;
}

function damaged(path: string): ForgeError {
  return new ForgeError("prefix-unusable", `The manifest ${path} is damaged`, {
    hint: "Go back to another generation with `tlsforge rollback N`, then remove this generation's folder",
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
