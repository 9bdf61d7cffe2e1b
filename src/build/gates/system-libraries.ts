import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseLoaderCache } from "../../host/index.ts";

/** Tells whether this machine has a library of a name: in the loader's cache, or in a folder that loaders search without being told. */
export function systemLibraries(): (name: string) => boolean {
  const cached = cachedNames();
  const folders = standardFolders();
  return (name) => cached.has(name) || folders.some((folder) => existsSync(path.join(folder, name)));
}

/** What glibc's ldconfig has found. Other systems have no such file; one that is damaged names nothing. */
function cachedNames(): ReadonlySet<string> {
  try {
    return new Set(parseLoaderCache(readFileSync("/etc/ld.so.cache")).keys());
  } catch (error) {
    if (error instanceof RangeError || (error as NodeJS.ErrnoException).code === "ENOENT") return new Set();
    throw error;
  }
}

/** Those of glibc (with Debian's for a processor each), musl and FreeBSD. */
function standardFolders(): readonly string[] {
  const plain = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"].filter((folder) => existsSync(folder));
  const forOne = plain.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.includes("-linux-"))
      .map((name) => path.join(folder, name)),
  );
  return [...plain, ...forOne];
}
