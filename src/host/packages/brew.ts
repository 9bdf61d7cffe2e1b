import { one } from "./types.ts";
import type { PackageTable } from "./types.ts";

/** macOS: Homebrew's formula names. Compiler, make, perl, patch, tar and the SDK's headers come with Apple's command line tools, so they have no answer here. */
export const brew: PackageTable = {
  programs: {
    xz: one("xz"),
    "pkg-config": one("pkgconf"),
    rustc: one("rust"),
    cargo: one("rust"),
    autoreconf: one("autoconf", "automake", "libtool"),
    autoconf: one("autoconf"),
    automake: one("automake"),
    aclocal: one("automake"),
    git: one("git"),
  },
  headers: {
    "lzma.h": one("xz"),
    "readline/readline.h": one("readline"),
    "gdbm.h": one("gdbm"),
  },
  perlModules: {},
};
