/** Dry runs as the managers print them. */
import { expect, test } from "vitest";
import { parseApk, parseApt, parseAptVersions, parseNames } from "../../../src/host/packages/simulation.ts";
import { parseDnf, parsePkg, parseZypper } from "../../../src/host/packages/summaries.ts";

test("apt: recorded on Debian 12", () => {
  const text = `Reading package lists...
Building dependency tree...
The following additional packages will be installed:
  emacs-common libzstd1
Suggested packages:
  mailutils
0 upgraded, 2 newly installed
Inst install-info (6.8-6+b1 Debian:12.15/oldstable [amd64])
Inst libzstd1 [1.5.4+dfsg2-5] (1.5.4+dfsg2-5+deb12u1 Debian-Security:12/oldstable-security [amd64])
Inst emacs-el (1:28.2+1-15+deb12u4 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [all]) []
Inst libfoo:i386 (1 Debian:12 [i386])
Remv nano [7.2-1]
Conf install-info (6.8-6+b1 Debian:12.15/oldstable [amd64])
`;
  expect(parseApt(text)).toEqual({
    installs: ["install-info", "emacs-el", "libfoo"],
    upgrades: ["libzstd1"],
    removals: ["nano"],
  });
  expect(parseAptVersions(text)).toEqual([
    { name: "install-info", old: null, new: "6.8-6+b1" },
    { name: "libzstd1", old: "1.5.4+dfsg2-5", new: "1.5.4+dfsg2-5+deb12u1" },
    { name: "emacs-el", old: null, new: "1:28.2+1-15+deb12u4" },
    { name: "libfoo", old: null, new: "1" },
  ]);
});

test("apk: as its upgrades are shown in bug reports (Alpine 3.7, 3.21), forms of apk-tools' src/commit.c", () => {
  const text = `fetch https://mirror.example/alpine/v3.21/main/x86_64/APKINDEX.tar.gz
( 1/12) Installing libgcc (14.2.0-r4)
(2/12) Upgrading busybox (1.37.0-r8 -> 1.37.0-r9)
Executing busybox-1.37.0-r9.post-upgrade
(3/12) Purging oldlib (1.0-r0)
OK: 180 MiB in 40 packages
`;
  expect(parseApk(text)).toEqual({ installs: ["libgcc"], upgrades: ["busybox"], removals: ["oldlib"] });
});

test("zypper: as in bug reports (openSUSE Leap 15.2 with its update repository; 11.2 with a removal)", () => {
  const text = `Loading repository data...
Reading installed packages...
Resolving package dependencies...

The following 3 NEW packages are going to be installed:
  dmraid grub2-systemd-sleep-plugin os-prober

The following NEW patch is going to be installed:
  openSUSE-2021-462

The following 2 packages are going to be upgraded:
  grub2 grub2-arm64-efi

The following package is going to be REMOVED:
  libgomp43 

2 packages to upgrade, 3 new.
Overall download size: 3.7 MiB.
`;
  expect(parseZypper(text)).toEqual({
    installs: ["dmraid", "grub2-systemd-sleep-plugin", "os-prober"],
    upgrades: ["grub2", "grub2-arm64-efi"],
    removals: ["libgomp43"],
  });
});

test("pkg: as in a bug report on FreeBSD 11", () => {
  const text = `Updating FreeBSD repository catalogue...
All repositories are up to date.
The following 27 package(s) will be affected (of 0 checked):

New packages to be INSTALLED:
\tpcre: 8.40
\tlibnghttp2: 1.21.1

Installed packages to be UPGRADED:
\tsubversion: 1.9.3_3 -> 1.9.5
\tperl5: 5.20.3_8 -> 5.24.1_1

Installed packages to be REMOVED:
\told-thing: 1.0

Number of packages to be upgraded: 2
`;
  expect(parsePkg(text)).toEqual({
    installs: ["pcre", "libnghttp2"],
    upgrades: ["subversion", "perl5"],
    removals: ["old-thing"],
  });
});

test("dnf: headings of dnf's cli/output.py, the table of dnf and dnf5", () => {
  const text = `Last metadata expiration check: 0:01:02 ago.
Dependencies resolved.
================================================================================
 Package          Arch      Version             Repository      Size
================================================================================
Installing:
 gcc              x86_64    14.2.1-3.fc41       updates         37 M
Upgrading:
 libgcc           x86_64    14.2.1-3.fc41       updates        133 k
   replacing libgcc x86_64  14.2.1-1.fc41       anaconda       270 k
Installing dependencies:
 cpp              x86_64    14.2.1-3.fc41       updates         12 M
 glibc-devel      x86_64    2.40-3.fc41         fedora         122 k
Removing dependent packages:
 oldthing         x86_64    1-1.fc40            @fedora         10 k

Transaction Summary
================================================================================
Install  3 Packages

Total download size: 50 M
Operation aborted.
`;
  expect(parseDnf(text)).toEqual({
    installs: ["gcc", "cpp", "glibc-devel"],
    upgrades: ["libgcc"],
    removals: ["oldthing"],
  });
  expect(parseDnf("Nothing to do.\n")).toEqual({ installs: [], upgrades: [], removals: [] });
});

test("pacman prints names, and what is there already would be replaced", () => {
  expect(parseNames("mpfr\ngcc-libs\ngcc\n", new Set(["gcc-libs"]))).toEqual({
    installs: ["mpfr", "gcc"],
    upgrades: ["gcc-libs"],
    removals: [],
  });
});

test("an answer that does not add up is not understood, unless it says of another package", () => {
  const installs = (...names: string[]): unknown => ({ installs: names, upgrades: [], removals: [] });
  expect(parseApk("(1/2) Installing a (1)\n(2/2) Installing b (1)\nOK: 1 MiB in 2 packages\n")).toEqual(
    installs("a", "b"),
  );
  expect(parseApk("(1/2) Installing a (1)\nOK: 1 MiB in 2 packages\n")).toBeNull();
  expect(parseApk("(1/2) Installing a (1)\n(2/2) Swapping b (1)\nOK: 1 MiB in 2 packages\n")).toBeNull();
  expect(parseApk("(1/1) Updating pinning a (1)\nOK: 1 MiB in 2 packages\n")).toEqual(installs());
  expect(parseApk("")).toBeNull();

  expect(parseDnf("Installing:\n a  noarch  1\n\nTransaction Summary\nInstall  1 Package\n")).toEqual(installs("a"));
  expect(
    parseDnf("Installing:\n a  noarch  1\n\nTransaction Summary\nInstall  1 Package\nUpgrade  1 Package\n"),
  ).toBeNull();
  expect(parseDnf("Installation:\n a  noarch  1\n\nRésumé\nInstaller  1 Paquet\n")).toBeNull();
  expect(parseDnf("Installing:\n a  noarch  1\n")).toBeNull();

  const zypper = "The following NEW package is going to be installed:\n  a\n\n";
  expect(parseZypper(`${zypper}1 new package to install.\n`)).toEqual(installs("a"));
  expect(parseZypper(`${zypper}1 package to upgrade, 1 new.\n`)).toBeNull();
  expect(parseZypper(zypper)).toBeNull();

  const pkg = "New packages to be INSTALLED:\n\tfont-adobe-100dpi: 1.0_4\n\n";
  expect(parsePkg(`${pkg}Number of packages to be installed: 1\n`)).toEqual(installs("font-adobe-100dpi"));
  expect(parsePkg(`${pkg}Number of packages to be installed: 1\nNumber of packages to be removed: 1\n`)).toBeNull();
  expect(parsePkg(pkg)).toBeNull();

  expect(parseNames("a\nb c\n", new Set())).toBeNull();
  expect(parseNames("", new Set())).toEqual(installs());
});

test("dnf: what comes in place of its own older self is an upgrade; in place of another, that one's removal", () => {
  const text = `Installing:
 grub2        x86_64  1:2.02-0.65  base  29 k
     replacing  grub2.x86_64 1:2.02-0.64
 wget2-wget   x86_64  2.2.0-5      fedora  41.6 KiB
   replacing wget   x86_64  1.21.4-2  fedora  3.1 MiB
`;
  expect(parseDnf(text)).toEqual({ installs: ["wget2-wget"], upgrades: ["grub2"], removals: ["wget"] });
});
