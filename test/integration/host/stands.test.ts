import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { HostRecord } from "../../../src/host/index.ts";
import { stands } from "../../../src/host/light.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tlsforge-stands-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (path: string, text: string, mode = 0o644): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  chmodSync(join(root, path), mode);
};
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const record = (kind: string, data: HostRecord["data"], after: string | null = null): HostRecord => ({
  id: kind,
  kind,
  before: null,
  after,
  data,
});
const told = (kind: string, data: HostRecord["data"], after?: string): boolean | null =>
  stands(record(kind, data, after ?? null), root);

test.each(["file", "loader-path"])("a %s stands by its digest and mode", (kind) => {
  const data = { file: "/etc/x", sha256: sha256("text\n"), mode: "0644" };
  expect(told(kind, data)).toBe(false);
  write("/etc/x", "text\n");
  expect(told(kind, data)).toBe(true);
  write("/etc/x", "other\n");
  expect(told(kind, data)).toBe(false);
  write("/etc/x", "text\n", 0o666);
  expect(told(kind, data)).toBe(false);
  rmSync(join(root, "/etc/x"));
  write("/etc/y", "text\n");
  symlinkSync("y", join(root, "/etc/x"));
  expect(told(kind, data)).toBe(false);
});

test("a loader entry of an older record stands by its line", () => {
  write("/etc/e.conf", "# x\n/p/lib\n");
  expect(told("loader-path", { file: "/etc/e.conf" }, "/p/lib")).toBe(true);
  expect(told("loader-path", { file: "/etc/e.conf" }, "/p/li")).toBe(false);
  expect(told("loader-path", {}, "/p/lib")).toBe(false);
});

test.each(["unit", "socket", "rc-script"])("a %s stands by its file and by what starts it at boot", (kind) => {
  write("/etc/u", "u\n");
  write("/etc/s", "s\n");
  const settings = kind === "rc-script" ? { "settings.file": "/etc/s", "settings.sha256": sha256("s\n") } : {};
  const data = { file: "/etc/u", sha256: sha256("u\n"), link: "/etc/boot/u", enabled: "true", ...settings };
  expect(told(kind, data)).toBe(false);
  expect(told(kind, { ...data, enabled: "false" })).toBe(true);
  mkdirSync(join(root, "/etc/boot"));
  symlinkSync("../u", join(root, "/etc/boot/u"));
  expect(told(kind, data)).toBe(true);
  expect(told(kind, { ...data, enabled: "false" })).toBe(false);
  write("/etc/s", "changed\n");
  expect(told(kind, data)).toBe(kind !== "rc-script");
});

test("a kernel setting stands by its file and by its live value", () => {
  const data = { file: "/etc/k", sha256: sha256("k\n"), key: "net.ipv4.ip_unprivileged_port_start", value: "443" };
  write("/etc/k", "k\n");
  expect(told("sysctl", data)).toBe(false);
  write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "1024\n");
  expect(told("sysctl", data)).toBe(false);
  for (const live of ["443\n", "80\n"]) {
    write("/proc/sys/net/ipv4/ip_unprivileged_port_start", live);
    expect(told("sysctl", data)).toBe(true);
  }
  write("/proc/sys/a/b", "2\n");
  expect(told("sysctl", { ...data, key: "a.b", value: "1" })).toBe(false);
  expect(told("sysctl", { ...data, key: "a.b", value: "2" })).toBe(true);
  expect(told("sysctl", { file: "/etc/sysctl.conf", key: "a.b", value: "2" })).toBeNull();
});

test("accounts stand by their lines; one that a directory service may give cannot be told", () => {
  write("/etc/passwd", "tlsforge:x:998:997:::/usr/sbin/nologin\n");
  write("/etc/group", "tlsforge:x:997:\n");
  const user = { name: "tlsforge", uid: "998", gid: "997" };
  expect(told("user", user)).toBe(true);
  expect(told("user", { ...user, uid: "5" })).toBe(false);
  expect(told("user", { ...user, name: "other" })).toBeNull();
  expect(told("user", { name: "tlsforge" })).toBeNull();
  expect(told("group", { name: "tlsforge", gid: "997" })).toBe(true);
  expect(told("group", { name: "tlsforge", gid: "5" })).toBe(false);
});

test("what no file tells is not told; packages are the builds' affair", () => {
  expect(told("capability", { copy: "/x" })).toBeNull();
  expect(told("portacl", {})).toBeNull();
  expect(told("of the future", {})).toBeNull();
  expect(told("package", {})).toBe(true);
  mkdirSync(join(root, "/etc/passwd"), { recursive: true });
  expect(told("user", { name: "a", uid: "1", gid: "1" })).toBeNull();
});
