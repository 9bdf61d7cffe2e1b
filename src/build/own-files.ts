/** What tlsforge itself writes and reads in a build's folders, where the build may have left links, pipes and whatever else. */
import { constants } from "node:fs";
import { mkdir, open, realpath, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../errors.ts";
import { inside } from "./gates/contents.ts";

/** The folders that belong to a build. Paths absolute. */
export interface OwnFolders {
  readonly out: string;
  readonly scratch: string;
}

/**
 * Makes a folder of a build and those above it, and gives where it really is. Throws ForgeError `recipe-invalid` for one that is none of the
 * build's own by its name, `build-failed` for one that is none by way of a link, or no folder.
 */
export async function makeOwnFolder(folder: string, own: OwnFolders): Promise<string> {
  const root = rootOf(folder, own);
  if (root === null)
    throw new ForgeError("recipe-invalid", `${folder} is outside of the output and of the build's folder`, {
      hint: "see that the recipe's `to:` lies below ${out} or ${build}",
    });
  const roots = await realRoots(own);
  let here = await realpath(path.dirname(root));
  for (const name of path.relative(path.dirname(root), folder).split(path.sep)) {
    const next = path.join(here, name);
    await mkdir(next).catch(unless("EEXIST"));
    here = await realpath(next).catch((error: unknown) => {
      unless("ENOENT", "ELOOP")(error);
      throw misplaced(folder, `${next} is a link to nowhere`);
    });
    if (!roots.some((each) => inside(here, each)))
      throw misplaced(folder, `${next} leads to ${here}, outside of the output and of the build's folder`);
    if (!(await stat(here)).isDirectory()) throw misplaced(folder, `${next} is no folder`);
  }
  return here;
}

/** Puts a file into a build's folder, in place of any other or of a link of its name. Throws as `makeOwnFolder`. */
export async function writeOwnFile(
  file: string,
  data: string | Uint8Array,
  { own, mode }: { readonly own: OwnFolders; readonly mode: number },
): Promise<void> {
  const place = path.join(await makeOwnFolder(path.dirname(file), own), path.basename(file));
  await unlink(place).catch((error: unknown) => {
    if (unless("ENOENT", "EISDIR")(error) === "EISDIR") throw misplaced(file, "it is a folder");
  });
  // Only what is not there is made: nothing is ever written through what is.
  const handle = await open(place, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await handle.writeFile(data);
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
}

/** The end of a regular file of a build, at most so many bytes; null where there is none, or it really lies elsewhere. */
export async function readOwnFile(
  file: string,
  { own, most }: { readonly own: OwnFolders; readonly most: number },
): Promise<Buffer | null> {
  if (rootOf(file, own) === null) return null;
  const handle = await openOwnFile(file, own).catch((error: unknown) => {
    unless("ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "EACCES")(error);
    return null;
  });
  try {
    const facts = await handle?.stat();
    if (handle === null || facts?.isFile() !== true) return null;
    const bytes = Buffer.alloc(Math.min(facts.size, most));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, facts.size - bytes.length);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle?.close();
  }
}

/** Without waiting for whoever might write into it. */
async function openOwnFile(file: string, own: OwnFolders) {
  const folder = await realpath(path.dirname(file));
  if (!(await realRoots(own)).some((root) => inside(folder, root))) return null;
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  return open(path.join(folder, path.basename(file)), flags);
}

function rootOf(file: string, { out, scratch }: OwnFolders): string | null {
  return [out, scratch].find((root) => inside(path.resolve(file), root)) ?? null;
}

/** Both folders themselves are no links. */
async function realRoots({ out, scratch }: OwnFolders): Promise<readonly string[]> {
  return Promise.all(
    [out, scratch].map(async (root) => path.join(await realpath(path.dirname(root)), path.basename(root))),
  );
}

function misplaced(file: string, why: string): ForgeError {
  return new ForgeError("build-failed", `${file} cannot be put in place: ${why}`, {
    hint: "see in the log which step made it so, and mend that one",
  });
}

/** Takes these errors of the system, and throws every other on. */
function unless(...codes: readonly string[]) {
  return (error: unknown): string => {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (codes.includes(code)) return code;
    throw error;
  };
}
