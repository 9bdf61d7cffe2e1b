import { expect, test } from "vitest";
import { detectPlatform } from "../../../src/host/index.ts";
import { packageFamilyOf } from "../../../src/host/platform.ts";

test.each([
  ['ID=debian\nVERSION_ID="12"\n', "apt"],
  ['ID=linuxmint\nID_LIKE="ubuntu debian"\n', "apt"],
  ['NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf"],
  ["ID=alpine\n", "apk"],
  ['ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "zypper"],
  ["ID=arch\n", "pacman"],
  ["ID=slackware\n", "unknown"],
  ["", "unknown"],
])("os-release %j is family %s", (text, family) => {
  expect(packageFamilyOf("linux", text)).toBe(family);
});

test("FreeBSD and macOS have one family each", () => {
  expect(packageFamilyOf("freebsd", "")).toBe("pkg");
  expect(packageFamilyOf("darwin", "")).toBe("brew");
});

test("a platform is named in our words", () => {
  expect(detectPlatform({ os: "freebsd", arch: "x64" })).toEqual({ os: "freebsd", arch: "x86_64", libc: "none" });
  expect(detectPlatform({ os: "darwin", arch: "arm64" })).toEqual({ os: "darwin", arch: "aarch64", libc: "none" });
});

test.each([
  { os: "win32", arch: "x64" },
  { os: "freebsd", arch: "riscv64" },
])("%o is refused", (names) => {
  expect(() => detectPlatform(names)).toThrow(expect.objectContaining({ code: "host-refused" }));
});
