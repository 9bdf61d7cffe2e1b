import type { Host } from "../types.ts";
import { packageAnswers, packageTables } from "./index.ts";

/** Something that a build turned out to lack: a header, a library as after `-l`, a program, a perl module, a file of pkg-config. */
export interface Lacking {
  readonly kind: "header" | "library" | "program" | "perl-module" | "pkg-config";
  readonly name: string;
}

/** The package that has a library to link against has its header too, so this is the one table that libraries need. */
const headerOfLibrary: Readonly<Record<string, string>> = {
  bz2: "bzlib.h",
  c: "stdio.h",
  curses: "curses.h",
  dl: "stdio.h",
  expat: "expat.h",
  ffi: "ffi.h",
  gdbm: "gdbm.h",
  ltdl: "ltdl.h",
  lzma: "lzma.h",
  m: "stdio.h",
  ncurses: "ncurses.h",
  ncursesw: "ncurses.h",
  pthread: "stdio.h",
  readline: "readline/readline.h",
  rt: "stdio.h",
  sqlite3: "sqlite3.h",
  tinfo: "ncurses.h",
  util: "stdio.h",
  uuid: "uuid/uuid.h",
  z: "zlib.h",
  zstd: "zstd.h",
};

/** The package that has a file of pkg-config has the header too; where the file is named otherwise than the library. */
const libraryOfPkgConfig: Readonly<Record<string, string>> = {
  bzip2: "bz2",
  liblzma: "lzma",
  libffi: "ffi",
  libzstd: "zstd",
  zlib: "z",
};

/** Headers that come with one that the tables have. */
const sameAs: readonly (readonly [RegExp, string])[] = [
  [/^(?:assert|ctype|errno|math|pthread|signal|stdlib|string|time|unistd|sys\/(?:stat|types|socket))\.h$/, "stdio.h"],
  [/^(?:linux|asm|asm-generic)\//, "linux/version.h"],
  [/^readline\//, "readline/readline.h"],
];

/** How a user finds a package by a file of it, where the tables have no answer. pacman takes a name without folders, or else a whole path. */
const searches: Partial<Record<Host["packageFamily"], string>> = {
  apt: "apt-file search {file} (apt-file is a package itself; first apt-file update)",
  dnf: "dnf provides '*/{file}'",
  zypper: "zypper search --file-list {file}",
  pacman: "pacman -F {name}",
};

/**
 * What to do about something that a build lacks, in this machine's own words: the packages that have it, or how to find them.
 * Null where neither is known.
 */
export function packageAdvice(family: Host["packageFamily"], lacking: Lacking): string | null {
  const answers = answersTo(family, lacking);
  const base = answers.find((answer) => answer.base !== undefined)?.base;
  if (base !== undefined) return `it is part of ${base}`;
  if (answers.length > 0)
    return `install ${answers.map(({ packages }) => packages.map(typed).join(" ")).join(", or where that is too old ")}`;
  if (lacking.kind === "perl-module" && family === "dnf") return `install ${typed(`perl(${lacking.name})`)}`;
  if (lacking.kind === "pkg-config" && (family === "dnf" || family === "zypper"))
    return `install ${typed(`pkgconfig(${lacking.name})`)}`;
  const search = searches[family];
  return search === undefined ? null : `find its package: ${searchFor(search, fileOf(lacking))}`;
}

function answersTo(family: Host["packageFamily"], { kind, name }: Lacking): ReturnType<typeof packageAnswers> {
  if (kind === "program" || kind === "perl-module") return packageAnswers(family, { kind, name });
  const library = kind === "pkg-config" ? (libraryOfPkgConfig[name] ?? name) : name;
  const header = kind === "header" ? knownHeader(family, name) : headerOfLibrary[library];
  return header === undefined ? [] : packageAnswers(family, { kind: "header", name: header });
}

function knownHeader(family: Host["packageFamily"], name: string): string {
  if (family !== "unknown" && name in packageTables[family].headers) return name;
  return sameAs.find(([pattern]) => pattern.test(name))?.[1] ?? name;
}

/** A package's name as a shell takes it. */
function typed(name: string): string {
  return /[()]/.test(name) ? `'${name}'` : name;
}

function searchFor(search: string, file: string): string {
  return search.replace("{file}", file).replace("{name}", file.split("/").at(-1) ?? file);
}

/** The end of its path in a package manager's list of files; with its folder, for a name such as `any.hpp` is that of many. */
function fileOf({ kind, name }: Lacking): string {
  switch (kind) {
    case "library":
      return `lib${name}.so`;
    case "perl-module":
      return `${name.replaceAll("::", "/")}.pm`;
    case "pkg-config":
      return `${name}.pc`;
    case "header":
      return name;
    case "program":
      return `bin/${name.split("/").at(-1) ?? name}`;
  }
}
