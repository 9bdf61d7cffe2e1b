import { createHash } from "node:crypto";
import type { Host } from "../types.ts";
import type { LoaderEntry } from "./types.ts";

/** Which loader a machine has, as far as there is a way to name folders to it. */
export type LoaderSystem = "glibc" | "musl" | "freebsd";

export function loaderSystemOf({ platform }: Pick<Host, "platform">): LoaderSystem | null {
  if (platform.os === "freebsd") return "freebsd";
  if (platform.os !== "linux") return null;
  return platform.libc === "musl" ? "musl" : "glibc";
}

/** The prefix that a library folder is of: the folder itself when it is in no store. */
export function prefixOf(library: string): string {
  const store = library.indexOf("/store/");
  return store === -1 ? library : library.slice(0, store);
}

/** Whether a path is the entry's own: its folder, or in an output of its prefix's store, such as an older folder or what is in one. */
export function isOwn(path: string, { library }: Pick<LoaderEntry, "library">): boolean {
  const prefix = prefixOf(library);
  return path === library || (prefix !== library && path.startsWith(`${prefix}/store/`));
}

/** The file that holds the entry. Where entries have files of their own it is told apart by a digest of the prefix: two never replace each other's. */
export function entryFile(host: Pick<Host, "platform">, { library, name }: LoaderEntry): string {
  const own = `${name}-${createHash("sha256").update(prefixOf(library)).digest("hex").slice(0, 8)}`;
  switch (loaderSystemOf(host)) {
    case "musl":
      return `/etc/ld-musl-${host.platform.arch}.path`;
    case "freebsd":
      // rc.conf(5), ldconfig_local_dirs: each file in this folder names folders, as those of packages do.
      return `/usr/local/libdata/ldconfig/${own}`;
    default:
      return `/etc/ld.so.conf.d/${own}.conf`;
  }
}
