import { closeSync, openSync, readSync } from "node:fs";
import { ForgeError } from "../errors.ts";
import type { Platform } from "../recipe/types.ts";
import type { Host } from "./types.ts";

/**
 * The platform that builds are made for, from Node's names for it (`process.platform`, `process.arch`).
 * Which C library a Linux has is read from the loader that its shell asks for. Throws `host-refused` for any other platform.
 */
export function detectPlatform(names: { readonly os: string; readonly arch: string }): Platform {
  const os = { linux: "linux", freebsd: "freebsd", darwin: "darwin" }[names.os] as Platform["os"] | undefined;
  const arch = { x64: "x86_64", arm64: "aarch64" }[names.arch] as Platform["arch"] | undefined;
  if (os === undefined || arch === undefined) {
    throw new ForgeError("host-refused", `tlsforge does not build on ${names.os} ${names.arch}`, {
      hint: "use Linux, FreeBSD or macOS on x86_64 or aarch64",
    });
  }
  return { os, arch, libc: os === "linux" ? linuxLibc() : "none" };
}

/** Package families by the ids that `os-release` gives (`ID`, then `ID_LIKE`). */
const familyOf: Readonly<Record<string, Host["packageFamily"]>> = {
  debian: "apt",
  ubuntu: "apt",
  fedora: "dnf",
  rhel: "dnf",
  centos: "dnf",
  amzn: "dnf",
  alpine: "apk",
  suse: "zypper",
  opensuse: "zypper",
  "opensuse-leap": "zypper",
  "opensuse-tumbleweed": "zypper",
  arch: "pacman",
};

/** The family that decides package names: from the text of os-release on Linux, else from the system. */
export function packageFamilyOf(os: Platform["os"], osRelease: string): Host["packageFamily"] {
  if (os === "freebsd") return "pkg";
  if (os === "darwin") return "brew";
  const ids = ["ID", "ID_LIKE"].flatMap((key) => osReleaseValue(osRelease, key).split(/\s+/));
  for (const id of ids) {
    const family = familyOf[id];
    if (family !== undefined) return family;
  }
  return "unknown";
}

function osReleaseValue(text: string, key: string): string {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${key}=`)) ?? "";
  return line
    .slice(key.length + 1)
    .replaceAll(/^["']|["']\s*$/g, "")
    .toLowerCase();
}

function linuxLibc(): "gnu" | "musl" {
  const head = Buffer.alloc(4096);
  const file = openSync("/bin/sh", "r");
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  return head.includes("/ld-musl-") ? "musl" : "gnu";
}
