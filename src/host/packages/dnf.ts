import { one } from "./types.ts";
import type { PackageTable } from "./types.ts";

/**
 * Fedora, RHEL and what follows them. Development files are `<library>-devel` (Fedora packaging guidelines, "Devel Packages"). Which package
 * has a core module of perl, and perl itself, differs from release to release (`perl-FindBin` is one only since Fedora 33), so that they are asked
 * for by what they provide: `perl(Module)` (Fedora packaging guidelines, "Perl", "Perl Requires and Provides"), and the program's path.
 */
export const dnf: PackageTable = {
  programs: {
    cc: one("gcc", "glibc-devel"),
    gcc: one("gcc", "glibc-devel"),
    "c++": one("gcc-c++"),
    make: one("make"),
    perl: one("/usr/bin/perl"),
    patch: one("patch"),
    tar: one("tar"),
    gzip: one("gzip"),
    xz: one("xz"),
    bzip2: one("bzip2"),
    unzip: one("unzip"),
    flock: one("util-linux"),
    "pkg-config": one("pkgconf-pkg-config"),
    rustc: one("rust"),
    cargo: one("cargo"),
    autoreconf: one("autoconf", "automake", "libtool"),
    autoconf: one("autoconf"),
    automake: one("automake"),
    aclocal: one("automake"),
    libtoolize: one("libtool"),
    m4: one("m4"),
    setcap: one("libcap"),
    getcap: one("libcap"),
    ldconfig: one("glibc"),
    git: one("git-core"),
    openssl: one("openssl"),
    bison: one("bison"),
    flex: one("flex"),
    gperf: one("gperf"),
    cmake: one("cmake"),
  },
  headers: {
    "stdio.h": one("glibc-devel"),
    "zlib.h": one("zlib-devel"),
    "bzlib.h": one("bzip2-devel"),
    "lzma.h": one("xz-devel"),
    "sqlite3.h": one("sqlite-devel"),
    "ltdl.h": one("libtool-ltdl-devel"),
    "readline/readline.h": one("readline-devel"),
    "curses.h": one("ncurses-devel"),
    "ncurses.h": one("ncurses-devel"),
    "ffi.h": one("libffi-devel"),
    "uuid/uuid.h": one("libuuid-devel"),
    "gdbm.h": one("gdbm-devel"),
    "expat.h": one("expat-devel"),
    "linux/version.h": one("kernel-headers"),
    "zstd.h": one("libzstd-devel"),
  },
  perlModules: {
    "IPC::Cmd": one("perl(IPC::Cmd)"),
    "Time::Piece": one("perl(Time::Piece)"),
    FindBin: one("perl(FindBin)"),
    "Data::Dumper": one("perl(Data::Dumper)"),
    "File::Compare": one("perl(File::Compare)"),
    "File::Copy": one("perl(File::Copy)"),
    "Pod::Usage": one("perl(Pod::Usage)"),
    "Text::Template": one("perl(Text::Template)"),
  },
};
