import { mkdir, readdir, readlink, rename } from "node:fs/promises";
import { join } from "node:path";
import { ForgeError } from "../errors.ts";
import { atomicLink, explained, hasCode, removeTree, syncTree, temporaryBeside } from "./disk.ts";
import { lock, type LockOptions } from "./lock.ts";
import { readManifest, writeManifest } from "./manifest.ts";
import { prefixPaths, viewFolders } from "./paths.ts";
import { readReceipt } from "./receipts.ts";
import type { Manifest } from "./types.ts";
import { mergeView, writeView, type ViewConflict } from "./view.ts";

/** What a generation is made of; the store adds number, layout and time. Host records of the earlier generation that still hold must be among `host`: `gc` removes old manifests. */
export type GenerationParts = Omit<Manifest, "schema" | "layout" | "generation" | "created">;

/** How to wait for another process that changes generations; who we are, for its messages. */
export type GenerationOptions = LockOptions;

/** A generation that was made. */
export interface Staged {
  readonly manifest: Manifest;
  /** Names that two outputs want in the view. */
  readonly conflicts: readonly ViewConflict[];
}

/** A generation in the prefix. */
export interface GenerationEntry {
  readonly generation: number;
  readonly current: boolean;
  /** null when it cannot be read. */
  readonly manifest: Manifest | null;
}

/**
 * Makes the next generation, view and manifest, from outputs that are all in the store, and leaves `current` where it is.
 * It appears as a whole or not at all. Throws `not-found` when an output has no receipt (removed meanwhile), `disk-full`,
 * `prefix-busy`, `prefix-unusable`.
 */
export async function stage(prefix: string, parts: GenerationParts, options: GenerationOptions): Promise<Staged> {
  return exclusively(prefix, options, () => stageNow(prefix, parts));
}

/** `stage`, then `switchTo` it. */
export async function activate(prefix: string, parts: GenerationParts, options: GenerationOptions): Promise<Staged> {
  return exclusively(prefix, options, async () => {
    const staged = await stageNow(prefix, parts);
    await switchNow(prefix, staged.manifest);
    return staged;
  });
}

/**
 * Makes a generation the current one: one rename, so that a reader always finds the old or the new. Throws `not-found` when
 * there is no such generation or one of its outputs is no longer in the store.
 */
export async function switchTo(prefix: string, generation: number, options: GenerationOptions): Promise<Manifest> {
  return exclusively(prefix, options, async () => {
    const manifest = await readManifest(prefix, generation);
    if (manifest === null) throw missing(prefix, generation);
    await switchNow(prefix, manifest);
    return manifest;
  });
}

/** `switchTo` the given generation, or the newest one before the current. */
export async function rollbackTo(
  prefix: string,
  generation: number | undefined,
  options: GenerationOptions,
): Promise<Manifest> {
  return switchTo(prefix, generation ?? (await previousGeneration(prefix)), options);
}

/** The manifest of what `rollbackTo` would make current, when it could. Throws `not-found` as it does; changes nothing. */
export async function rollbackTarget(prefix: string, generation: number | undefined): Promise<Manifest> {
  const wanted = generation ?? (await previousGeneration(prefix));
  const manifest = await readManifest(prefix, wanted);
  if (manifest === null) throw missing(prefix, wanted);
  await refuseIncomplete(manifest.builds, `Generation ${wanted} cannot become the current one`);
  return manifest;
}

/** All generations, oldest first. */
export async function listGenerations(prefix: string): Promise<GenerationEntry[]> {
  const current = await currentGeneration(prefix);
  const numbers = await generationNumbers(prefix);
  return Promise.all(
    numbers.map(async (generation) => ({
      generation,
      current: generation === current,
      manifest: await manifestOrNull(prefix, generation),
    })),
  );
}

/** The number that `current` points to, or null. */
export async function currentGeneration(prefix: string): Promise<number | null> {
  const { current } = prefixPaths(prefix);
  try {
    const number = /^generations\/(\d+)$/u.exec(await readlink(current))?.[1];
    return number === undefined ? null : Number(number);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw explained(error, current);
  }
}

/** Runs something while no other process changes the generations of the prefix. */
export async function exclusively<T>(prefix: string, options: LockOptions, action: () => Promise<T>): Promise<T> {
  const release = await lock(join(prefixPaths(prefix).locks, "generations"), options);
  try {
    return await action();
  } finally {
    await release();
  }
}

async function stageNow(prefix: string, parts: GenerationParts): Promise<Staged> {
  await refuseIncomplete(parts.builds, "The generation cannot be made");
  const generation = ((await generationNumbers(prefix)).at(-1) ?? 0) + 1;
  const manifest: Manifest = {
    schema: "tlsforge.manifest/1",
    layout: 1,
    generation,
    created: new Date().toISOString(),
    ...parts,
  };
  const place = join(prefixPaths(prefix).generations, String(generation));
  const staging = temporaryBeside(place);
  try {
    const view = await mergeView(parts.builds.map((build) => build.out));
    await mkdir(staging);
    await writeView(view, staging);
    await writeManifest(join(staging, "manifest.json"), manifest);
    await syncTree(staging);
    await rename(staging, place);
    return { manifest, conflicts: view.conflicts };
  } catch (error) {
    await removeTree(staging, prefix);
    throw explained(error, place);
  }
}

async function switchNow(prefix: string, manifest: Manifest): Promise<void> {
  await refuseIncomplete(manifest.builds, `Generation ${manifest.generation} cannot become the current one`);
  await ensureStablePaths(prefix);
  await atomicLink(`generations/${manifest.generation}`, prefixPaths(prefix).current);
}

/** `<prefix>/bin` and its like lead through `current`, so they never change. */
async function ensureStablePaths(prefix: string): Promise<void> {
  for (const name of viewFolders) {
    const path = join(prefix, name);
    if ((await linkOrNull(path)) !== `current/${name}`) await atomicLink(`current/${name}`, path);
  }
}

async function refuseIncomplete(builds: Manifest["builds"], what: string): Promise<void> {
  for (const { recipe, version, key, out } of builds) {
    if ((await readReceipt(out))?.key === key) continue;
    throw new ForgeError("not-found", `${what}: ${recipe} ${version} is not in the store (${out})`, {
      hint: "Run `tlsforge provision`, which builds what is missing",
    });
  }
}

async function previousGeneration(prefix: string): Promise<number> {
  const current = await currentGeneration(prefix);
  const earlier = (await generationNumbers(prefix)).filter((number) => current !== null && number < current);
  for (const number of earlier.toReversed()) {
    const manifest = await manifestOrNull(prefix, number);
    // One whose server failed its gate is only gone back to by its number.
    if (manifest !== null && (manifest.accepted || manifest.report === null)) return number;
  }
  throw new ForgeError("not-found", `There is no generation before ${current ?? "the first"} in ${prefix}`, {
    hint: "`tlsforge generations` lists them",
  });
}

function missing(prefix: string, generation: number): ForgeError {
  return new ForgeError("not-found", `There is no generation ${generation} in ${prefix}`, {
    hint: "`tlsforge generations` lists them",
  });
}

/** Ascending. */
async function generationNumbers(prefix: string): Promise<number[]> {
  const { generations } = prefixPaths(prefix);
  try {
    const names = await readdir(generations);
    return names
      .filter((name) => /^[1-9]\d*$/u.test(name))
      .map(Number)
      .toSorted((a, b) => a - b);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw explained(error, generations);
  }
}

async function manifestOrNull(prefix: string, generation: number): Promise<Manifest | null> {
  try {
    return await readManifest(prefix, generation);
  } catch (error) {
    if (error instanceof ForgeError && error.code === "prefix-unusable") return null;
    throw error;
  }
}

/** Where a link points, or null for what is none. */
async function linkOrNull(path: string): Promise<string | null> {
  try {
    return await readlink(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "EINVAL")) return null;
    throw explained(error, path);
  }
}
