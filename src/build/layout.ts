import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../errors.ts";
import { checkedCopy, filterCargoConfig, unpack, writeProblem } from "../fetch/index.ts";
import { hasLockedCrates, lockedCratesConfig, sealCrate } from "./crates.ts";
import { distFolder, wheelFolder } from "./scope.ts";
import type { BuildContext } from "./types.ts";

/**
 * Fills the scratch folder: `source` (main source), a folder per further unpacked source, `dist` (files as they are), `bin` (first on PATH),
 * `home`, `tmp`, `wheels`, and `.cargo` where cargo finds it from anywhere below.
 */
export async function layOut(context: BuildContext): Promise<void> {
  const { scratch, sources, signal } = context;
  for (const folder of [distFolder, wheelFolder, "bin", "home", "tmp"])
    await mkdir(path.join(scratch, folder), { recursive: true });
  await placeCargoConfig(context);
  for (const { source, path: file, location, sha256, bytes } of sources) {
    if (signal.aborted) throw new ForgeError("interrupted", "interrupted while sources were unpacked");
    // What lies in a cache may have been exchanged since it was looked at: what is built from are the very bytes that are compared here.
    const expected = { sha256, bytes };
    if (source.unpack === "none") await placeFile(file, path.join(scratch, distFolder, source.file), expected);
    else {
      const folder = source.unpack === "main" ? "source" : source.unpack.folder;
      const own = location === "user";
      await unpack(file, path.join(scratch, folder), {
        strip: 1,
        name: own ? file : source.file,
        expected,
      }).catch((error: unknown) => {
        throw own ? ownArchive(error) : error;
      });
      await sealCrate(source, path.join(scratch, folder));
    }
  }
}

async function placeFile(file: string, to: string, expected: Parameters<typeof checkedCopy>[2]): Promise<void> {
  try {
    await checkedCopy(file, to, expected);
  } catch (error) {
    throw writeProblem(error, path.dirname(to));
  }
}

/** What is wrong with an archive that the user gave is not mended by fetching it again. */
function ownArchive(error: unknown): unknown {
  if (!(error instanceof ForgeError) || !error.code.startsWith("archive-")) return error;
  return new ForgeError(error.code, error.message, {
    cause: error,
    details: error.details,
    hint: "give another file with --source",
  });
}

async function placeCargoConfig(context: BuildContext): Promise<void> {
  const { scratch, cargoHome } = context;
  const config = cargoHome === undefined ? null : await readCargoConfig(cargoHome);
  const text = hasLockedCrates(context) ? lockedCratesConfig(scratch) : (config?.text ?? "");
  if (text !== "") {
    await mkdir(path.join(scratch, ".cargo"));
    await writeFile(path.join(scratch, ".cargo", "config.toml"), text, { mode: 0o600 });
  }
  const needsCargo = context.derivation.recipe.requirements.some(
    ({ kind, name }) => kind === "program" && name === "cargo",
  );
  if (needsCargo) await warnOfConfigAbove(context);
}

/** Cargo reads the configuration of every folder above the one it works in, and nothing keeps it from doing so. */
async function warnOfConfigAbove({ scratch, emit }: BuildContext): Promise<void> {
  for (let folder = path.dirname(scratch); ; folder = path.dirname(folder)) {
    const config = await readCargoConfig(path.join(folder, ".cargo"));
    if (config !== null && config.left.length > 0) {
      emit({
        type: "warning",
        message: `cargo also obeys ${config.file}, as the build lies below its folder: ${config.left.join(", ")}`,
        hint: "Take these settings out, or choose a prefix elsewhere with --prefix",
      });
    }
    if (folder === path.dirname(folder)) return;
  }
}

/** Cargo prefers the name without ending when both are there. Null when neither is, or may not be read by us. */
async function readCargoConfig(
  folder: string,
): Promise<(ReturnType<typeof filterCargoConfig> & { file: string }) | null> {
  for (const name of ["config", "config.toml"]) {
    const file = path.join(folder, name);
    try {
      return { ...filterCargoConfig(await readFile(file, "utf8"), path.dirname(folder)), file };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!["ENOENT", "ENOTDIR", "EISDIR", "EACCES"].includes(code ?? "")) throw error;
    }
  }
  return null;
}
