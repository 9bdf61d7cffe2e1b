import { open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ForgeError } from "../errors.ts";

/** Gives a finished folder its name: its files are synced first, so that what has the name is complete. */
export async function publishFolder(temporary: string, path: string, files: readonly string[]): Promise<void> {
  for (const file of files) await syncPath(join(temporary, file));
  await syncPath(temporary);
  await rename(temporary, path);
  await syncPath(dirname(path));
}

/** An error of the file system as one that a user can act on; anything else comes back as it is. */
export function fileError(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || error instanceof ForgeError) return error;
  const full = error.code === "ENOSPC" || error.code === "EDQUOT";
  return new ForgeError(full ? "disk-full" : "prefix-unusable", `${what}: ${error.message}`, {
    cause: error,
    hint: full ? "free some space and run it again" : "check that the folder exists and belongs to you",
  });
}

/** Waits until what was written to a file or folder is on the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
