import { expect, it } from "vitest";
import { packageAdvice } from "../../../src/host/packages/advice.ts";
import { packageTables } from "../../../src/host/packages/index.ts";

const families = Object.keys(packageTables) as (keyof typeof packageTables)[];

it.each([
  ["apt", "header", "zlib.h", "install zlib1g-dev"],
  ["apt", "library", "z", "install zlib1g-dev"],
  ["apt", "library", "m", "install libc6-dev"],
  ["apt", "header", "stdlib.h", "install libc6-dev"],
  ["apt", "header", "linux/filter.h", "install linux-libc-dev"],
  ["apt", "program", "gperf", "install gperf"],
  ["apt", "program", "rustc", "install rustc, or where that is too old rustc-web"],
  ["apt", "perl-module", "IPC::Cmd", "install perl"],
  ["apt", "header", "no/such.h", "find its package: apt-file search such.h"],
  ["apt", "library", "nosuch", "find its package: apt-file search libnosuch.so"],
  ["dnf", "library", "lzma", "install xz-devel"],
  ["dnf", "perl-module", "IPC::Cmd", "install 'perl(IPC::Cmd)'"],
  ["dnf", "perl-module", "No::Such", "install 'perl(No::Such)'"],
  ["dnf", "header", "no/such.h", "find its package: dnf provides '*/such.h'"],
  ["zypper", "perl-module", "No::Such", "find its package: zypper search --file-list Such.pm"],
  ["pacman", "program", "nosuch", "find its package: pacman -F nosuch"],
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
