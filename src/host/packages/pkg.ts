import { allOf, one } from "./types.ts";
import type { PackageTable } from "./types.ts";

/**
 * FreeBSD: names as in the ports tree (lang/perl5, devel/libltdl, databases/sqlite3, …). Compiler, make, patch, tar and the compressors, and the
 * headers of zlib, bzip2, xz and ncurses belong to the base system (FreeBSD source tree: usr.bin/clang, usr.bin/bmake, usr.bin/patch,
 * usr.bin/tar, usr.bin/xz, lib/libz, lib/libbz2, lib/liblzma, lib/ncurses).
 */
const base = "the base system of FreeBSD: install its full base set (FreeBSD-clang and FreeBSD-*-dev with pkgbase)";

export const pkg: PackageTable = {
  programs: {
    ...allOf(base, "cc", "c++", "make", "patch", "tar", "gzip", "xz", "bzip2", "unzip", "m4", "ldconfig", "openssl"),
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
    flock: one("flock"),
    bison: one("bison"),
    flex: one("flex"),
    gperf: one("gperf"),
    cmake: one("cmake"),
  },
  headers: {
    ...allOf(base, "stdio.h", "zlib.h", "bzlib.h", "lzma.h", "curses.h", "ncurses.h", "uuid.h"),
    "sqlite3.h": one("sqlite3"),
    "ltdl.h": one("libltdl"),
    "readline/readline.h": one("readline"),
    "ffi.h": one("libffi"),
    "gdbm.h": one("gdbm"),
    "expat.h": one("expat"),
    "zstd.h": one("zstd"),
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
