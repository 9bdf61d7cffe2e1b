import { one } from "./types.ts";
import type { PackageTable } from "./types.ts";

/**
 * FreeBSD: names as in the ports tree. The compiler, make, patch, tar, gzip, xz, bzip2 and the headers of zlib, bzip2, xz, ncurses
 * belong to the base system (FreeBSD Handbook, "The base system"), so they have no answer here.
 */
export const pkg: PackageTable = {
  programs: {
    perl: one("perl5"),
    gmake: one("gmake"),
    "pkg-config": one("pkgconf"),
    rustc: one("rust"),
    cargo: one("rust"),
    autoreconf: one("autoconf", "automake", "libtool"),
    autoconf: one("autoconf"),
    automake: one("automake"),
    aclocal: one("automake"),
    libtoolize: one("libtool"),
    git: one("git"),
  },
  headers: {
    "sqlite3.h": one("sqlite3"),
    "ltdl.h": one("libltdl"),
    "readline/readline.h": one("readline"),
    "ffi.h": one("libffi"),
    "gdbm.h": one("gdbm"),
    "expat.h": one("expat"),
  },
  perlModules: {
    "IPC::Cmd": one("perl5"),
    "Time::Piece": one("perl5"),
    FindBin: one("perl5"),
    "Data::Dumper": one("perl5"),
    "File::Compare": one("perl5"),
    "File::Copy": one("perl5"),
    "Pod::Usage": one("perl5"),
    "Text::Template": one("p5-Text-Template"),
  },
};
