import { expect, it } from "vitest";
import { packageAdvice } from "../../../src/host/packages/advice.ts";
import { packageTables } from "../../../src/host/packages/index.ts";

const families = Object.keys(packageTables) as (keyof typeof packageTables)[];

const aptFile = "(apt-file is a package itself; first apt-file update)";

it.each([
  ["apt", "header", "zlib.h", "install zlib1g-dev"],
  ["apt", "library", "z", "install zlib1g-dev"],
  ["apt", "library", "m", "install libc6-dev"],
  ["apt", "header", "stdlib.h", "install libc6-dev"],
  ["apt", "header", "linux/filter.h", "install linux-libc-dev"],
  ["apt", "program", "gperf", "install gperf"],
  ["apt", "program", "rustc", "install rustc, or where that is too old rustc-web"],
  ["apt", "perl-module", "IPC::Cmd", "install perl"],
  ["apt", "header", "boost/any.hpp", `find its package: apt-file search boost/any.hpp ${aptFile}`],
  ["apt", "perl-module", "XML::Parser", `find its package: apt-file search XML/Parser.pm ${aptFile}`],
  ["apt", "library", "nosuch", `find its package: apt-file search libnosuch.so ${aptFile}`],
  ["apt", "program", "nosuch", `find its package: apt-file search bin/nosuch ${aptFile}`],
  ["apt", "pkg-config", "libnghttp2", `find its package: apt-file search libnghttp2.pc ${aptFile}`],
  ["apt", "pkg-config", "zlib", "install zlib1g-dev"],
  ["apt", "pkg-config", "sqlite3", "install libsqlite3-dev"],
  ["dnf", "pkg-config", "libnghttp2", "install 'pkgconfig(libnghttp2)'"],
  ["dnf", "library", "lzma", "install xz-devel"],
  ["dnf", "perl-module", "IPC::Cmd", "install 'perl(IPC::Cmd)'"],
  ["dnf", "perl-module", "No::Such", "install 'perl(No::Such)'"],
  ["dnf", "header", "no/such.h", "find its package: dnf provides '*/no/such.h'"],
  ["zypper", "perl-module", "No::Such", "find its package: zypper search --file-list No/Such.pm"],
  ["pacman", "program", "nosuch", "find its package: pacman -F nosuch"],
  ["pacman", "header", "no/such.h", "find its package: pacman -F such.h"],
  ["apk", "header", "ffi.h", "install libffi-dev"],
  ["apk", "header", "no/such.h", null],
  ["unknown", "header", "zlib.h", null],
] as const)("%s, %s %s: %s", (family, kind, name, advice) => {
  expect(packageAdvice(family, { kind, name })).toBe(advice);
});

it.each(families)("%s knows where the usual libraries are", (family) => {
  for (const name of ["z", "bz2", "lzma", "sqlite3", "readline", "c"])
    expect(packageAdvice(family, { kind: "library", name })).toMatch(/^(?:install|it is part of) /);
});
