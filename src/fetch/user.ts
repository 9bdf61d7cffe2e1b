import { stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { ForgeError } from "../errors.ts";
import type { Source } from "../recipe/types.ts";
import { fileDigest, folderDigest } from "./digest.ts";
import { checkOwnFolder } from "./own-folder.ts";
import { errnoOf } from "./problems.ts";
import type { FetchedSource } from "./types.ts";

/** The user's own file or folder for a source (`--source NAME=PATH`, the path made absolute by the caller). Verified only when it is the very file that the recipe names. */
export async function userSource(
  source: Source,
  path: string,
  signal: AbortSignal,
): Promise<Omit<FetchedSource, "signature">> {
  if (!isAbsolute(path)) throw new Error(`--source path is not absolute: ${path}`);
  try {
    const facts = await stat(path);
    if (facts.isDirectory() ? source.unpack === "none" : !facts.isFile()) throw wrongKind(source, path);
    if (facts.isDirectory()) await checkOwnFolder(path);
    const digest = facts.isDirectory() ? await folderDigest(path, signal) : await fileDigest(path, signal);
    const verified = digest.sha256 === source.sha256;
    if (digest.bytes === 0 && !verified) throw nothing(source, path, facts.isDirectory());
    return { source, path, location: "user", ...digest, verified };
  } catch (error) {
    const code = errnoOf(error);
    if (code === null || error instanceof ForgeError) throw error;
    throw unreadable(source, path, error as NodeJS.ErrnoException);
  }
}

/** One of many files of a folder may be the one. */
function unreadable({ name }: Source, path: string, error: NodeJS.ErrnoException): ForgeError {
  const place = error.path === undefined || error.path === path ? path : `${error.path}, in ${path},`;
  const reason = { EACCES: "permission denied", ENOENT: "not there" }[error.code ?? ""];
  return new ForgeError(
    "source-unavailable",
    `The file or folder given for ${name} cannot be read: ${place} (${[reason, error.code].filter((part) => part !== undefined).join(", ")})`,
    {
      hint:
        error.code === "EACCES"
          ? `Make it readable for this user (ls -l shows its rights), or give another with --source ${name}=PATH`
          : `Give a source archive or a source folder with --source ${name}=PATH`,
      cause: error,
    },
  );
}

function wrongKind({ name, unpack }: Source, path: string): ForgeError {
  const wanted = unpack === "none" ? "a file: it is not unpacked" : "an archive or a folder";
  return new ForgeError("source-unavailable", `What is given for ${name} has to be ${wanted} (${path})`, {
    hint: `Give another with --source ${name}=PATH`,
  });
}

/** It would be built from for as long as it takes the first step to miss something. */
function nothing({ name, unpack }: Source, path: string, isFolder: boolean): ForgeError {
  const what = isFolder ? "The folder given for" : "The file given for";
  const wanted = unpack === "none" ? "the file" : "the archive, or the folder that its files lie in unpacked";
  return new ForgeError("source-unavailable", `${what} ${name} holds nothing to build from (${path})`, {
    hint: `Give ${wanted}, with --source ${name}=PATH`,
  });
}
