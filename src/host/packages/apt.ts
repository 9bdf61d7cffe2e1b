import { one } from "./types.ts";
import type { PackageTable } from "./types.ts";

/** Debian and Ubuntu. Each name is checked against the real package lists by `test/integration/host/apt.test.ts`. */
export const apt: PackageTable = {
  programs: {
    cc: one("gcc", "libc6-dev"),
    gcc: one("gcc", "libc6-dev"),
    "c++": one("g++"),
    make: one("make"),
    perl: one("perl"),
    patch: one("patch"),
    tar: one("tar"),
    gzip: one("gzip"),
    xz: one("xz-utils"),
    bzip2: one("bzip2"),
    flock: one("util-linux"),
    unzip: one("unzip"),
    "pkg-config": one("pkg-config"),
    // Debian 12's rustc is 1.63, too old for cryptography; its rustc-web is a newer one beside it.
    rustc: [
      { packages: ["rustc"], versionOf: "rustc" },
      { packages: ["rustc-web"], versionOf: "rustc-web" },
    ],
    // Debian 12's cargo is numbered 0.66 (Rust 1.65), so rustc's range refuses it too.
    cargo: [
      { packages: ["cargo"], versionOf: "cargo" },
      { packages: ["cargo-web"], versionOf: "cargo-web" },
    ],
    autoreconf: one("autoconf", "automake", "libtool"),
    autoconf: one("autoconf"),
    automake: one("automake"),
    aclocal: one("automake"),
    libtoolize: one("libtool"),
    m4: one("m4"),
    setcap: one("libcap2-bin"),
    getcap: one("libcap2-bin"),
    ldconfig: one("libc-bin"),
    git: one("git"),
    openssl: one("openssl"),
    bison: one("bison"),
    flex: one("flex"),
    gperf: one("gperf"),
    cmake: one("cmake"),
  },
  headers: {
    "stdio.h": one("libc6-dev"),
    "zlib.h": one("zlib1g-dev"),
    "bzlib.h": one("libbz2-dev"),
    "lzma.h": one("liblzma-dev"),
    "sqlite3.h": one("libsqlite3-dev"),
    // Its macros are part of what libtoolize asks for when a repository is turned into a release.
    "ltdl.h": one("libltdl-dev"),
    "readline/readline.h": one("libreadline-dev"),
    "curses.h": one("libncurses-dev"),
    "ncurses.h": one("libncurses-dev"),
    "ffi.h": one("libffi-dev"),
    "uuid/uuid.h": one("uuid-dev"),
    "gdbm.h": one("libgdbm-dev"),
    "expat.h": one("libexpat1-dev"),
    "linux/version.h": one("linux-libc-dev"),
    "zstd.h": one("libzstd-dev"),
  },
  perlModules: {
    "IPC::Cmd": one("perl"),
    "Time::Piece": one("perl"),
    FindBin: one("perl"),
    "Data::Dumper": one("perl"),
    "File::Compare": one("perl"),
    "File::Copy": one("perl"),
    "Pod::Usage": one("perl"),
    "Text::Template": one("libtext-template-perl"),
  },
};
