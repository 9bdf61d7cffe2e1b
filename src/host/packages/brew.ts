import { allOf, one } from "./types.ts";
import type { PackageTable } from "./types.ts";

/**
 * macOS: names of Homebrew's formulae (formulae.brew.sh). Compiler, make, perl, patch and the SDK's headers come with Apple's command line tools,
 * perl with its core modules (Homebrew documentation, "Installation", requirements). libtool's programs are there also under their own names,
 * in its folder `libexec/gnubin` (formula libtool, caveats).
 */
const base = "Apple's command line tools: run xcode-select --install";

export const brew: PackageTable = {
  programs: {
    ...allOf(base, "cc", "gcc", "c++", "make", "perl", "patch", "tar", "gzip", "bzip2", "unzip", "m4"),
    libtoolize: one("libtool"),
    xz: one("xz"),
    "pkg-config": one("pkgconf"),
    rustc: one("rust"),
    cargo: one("rust"),
    autoreconf: one("autoconf", "automake", "libtool"),
    autoconf: one("autoconf"),
    automake: one("automake"),
    aclocal: one("automake"),
    git: one("git"),
    flock: one("util-linux"),
    bison: one("bison"),
    flex: one("flex"),
    gperf: one("gperf"),
    cmake: one("cmake"),
  },
  headers: {
    ...allOf(base, "stdio.h", "zlib.h", "bzlib.h", "sqlite3.h", "curses.h", "ncurses.h", "ffi.h", "expat.h"),
    "ltdl.h": one("libtool"),
    "lzma.h": one("xz"),
    "readline/readline.h": one("readline"),
    "gdbm.h": one("gdbm"),
    "zstd.h": one("zstd"),
  },
  perlModules: allOf(
    base,
    "IPC::Cmd",
    "Time::Piece",
    "FindBin",
    "Data::Dumper",
    "File::Compare",
    "File::Copy",
    "Pod::Usage",
  ),
};
