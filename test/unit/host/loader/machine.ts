/** Machines in memory that have a loader: libraries that are ELF files, a cache in glibc's format, and an ldconfig that makes it. */
import { posix } from "node:path";
import { bytesOf, readElf } from "../../../../src/elf/index.ts";
import { memoryHost } from "../../../../src/host/index.ts";
import type { MemoryFile, MemoryHost, MemoryInitial } from "../../../../src/host/index.ts";
import { readConfiguration } from "../../../../src/host/loader/configuration.ts";
import { linked, type Linked } from "../../elf/sample.ts";

export interface CacheLine {
  readonly name: string;
  readonly path: string;
  readonly flags?: number;
  readonly hwcap?: string;
  /** Bits of a processor as loaders before 2.37 told them apart. */
  readonly legacy?: number;
}

/** A cache as ldconfig writes it. `compat`: behind an (empty) one of the old format. */
export function cacheBytes(
  lines: readonly CacheLine[],
  { big = false, compat = false }: { readonly big?: boolean; readonly compat?: boolean } = {},
): Buffer {
  const hwcaps = [...new Set(lines.flatMap((line) => line.hwcap ?? []))].toSorted();
  const stringsAt = 48 + 24 * lines.length;
  let strings = "";
  const text = (value: string): number => {
    const place = stringsAt + Buffer.byteLength(strings);
    strings += `${value}\0`;
    return place;
  };
  const rows = lines.map((line) => ({ ...line, key: text(line.name), value: text(line.path) }));
  const names = hwcaps.map(text);
  const extensionAt = Math.ceil((stringsAt + Buffer.byteLength(strings)) / 4) * 4;
  const size = hwcaps.length === 0 ? extensionAt : extensionAt + 24 + 4 * names.length;
  const bytes = Buffer.alloc(size);
  const put = (at: number, value: number): number =>
    big ? bytes.writeUInt32BE(value, at) : bytes.writeUInt32LE(value, at);
  bytes.write("glibc-ld.so.cache1.1", 0, "latin1");
  put(20, lines.length);
  put(24, Buffer.byteLength(strings));
  bytes[28] = big ? 3 : 2;
  for (const [index, row] of rows.entries()) {
    const at = 48 + 24 * index;
    put(at, row.flags ?? 0x0303);
    put(at + 4, row.key);
    put(at + 8, row.value);
    const [low, high] = [
      row.legacy ?? (row.hwcap === undefined ? 0 : hwcaps.indexOf(row.hwcap)),
      row.hwcap === undefined ? 0 : 2 ** 30,
    ];
    put(at + (big ? 20 : 16), low);
    put(at + (big ? 16 : 20), high);
  }
  bytes.write(strings, stringsAt);
  if (hwcaps.length > 0) {
    put(32, extensionAt);
    for (const [index, value] of [0xeaa4_2174, 1, 1, 0, extensionAt + 24, 4 * names.length, ...names].entries())
      put(extensionAt + 4 * index, value);
  }
  if (!compat) return bytes;
  const old = Buffer.alloc(16);
  old.write("ld.so-1.7.0", 0, "latin1");
  return Buffer.concat([old, bytes]);
}

/** A program or library as a file of the machine. */
export function elfFile(wanted: Linked, more: Partial<MemoryFile> = {}): MemoryFile {
  return { content: "", bytes: linked(wanted), mode: 0o755, ...more };
}

/** The path of the loader of x86-64, which every program here names. */
export const interpreter = "/lib64/ld-linux-x86-64.so.2";

/** A program that the loader starts. */
export function program(wanted: Linked, more: Partial<MemoryFile> = {}): MemoryFile {
  return elfFile({ interpreter, ...wanted }, more);
}

const defaults = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"];

/** A loader file, in which its default folders stand as in a real one. */
export const loaderFile: MemoryFile = {
  content: "",
  bytes: Buffer.concat([
    linked({ soname: "ld-linux-x86-64.so.2" }),
    Buffer.from(`\0${defaults.map((folder) => `${folder}/\0`).join("")}\0`),
  ]),
  mode: 0o755,
};

/** A Debian with a few programs, their libraries, and a cache that is up to date. */
export async function glibcMachine(
  initial: MemoryInitial["files"] = {},
  more: MemoryInitial = {},
): Promise<MemoryHost> {
  const host = memoryHost({
    ...more,
    files: {
      "/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
      "/etc/ld.so.conf.d/x86_64-linux-gnu.conf": "/lib/x86_64-linux-gnu\n",
      [interpreter]: loaderFile,
      "/lib/x86_64-linux-gnu/libc.so.6": elfFile({ soname: "libc.so.6" }),
      "/lib/x86_64-linux-gnu/libssl.so.3": elfFile({ soname: "libssl.so.3", needed: ["libc.so.6"] }),
      "/usr/bin/ssh": program({ needed: ["libssl.so.3", "libc.so.6"] }),
      "/usr/bin/script": { content: "#!/bin/sh\n", mode: 0o755 },
      ...initial,
    },
  });
  host.answers.set("sh -c", (_argv, { input = "" }) => ({
    stdout: ldconfig(host, input.split("\n")).toString("base64"),
  }));
  host.answers.set("ldconfig", () => {
    // Answers cannot wait: what the configuration says now was read when the last file of it was written.
    host.files.set("/etc/ld.so.cache", { content: "", bytes: ldconfig(host, linesIn(host)) });
    return {};
  });
  const { lines } = await readConfiguration(host, { file: "/none", library: null });
  if (!host.files.has("/etc/ld.so.cache"))
    host.files.set("/etc/ld.so.cache", { content: "", bytes: ldconfig(host, lines) });
  return host;
}

/** What our entries and the one of the system say; `readConfiguration` has tests of its own. */
function linesIn(host: MemoryHost): readonly string[] {
  return [...host.files]
    .filter(([path]) => /^\/etc\/ld\.so\.conf\.d\/[^/]+\.conf$/.test(path))
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([, file]) => (file.content ?? "").split("\n"))
    .filter((line) => line.startsWith("/"));
}

/** The cache for these folders: libraries by their own names, those of one name in the order of the folders. */
export function ldconfig(host: MemoryHost, lines: readonly string[]): Buffer {
  const folders = [...new Set([...lines.filter((line) => line.startsWith("/")), ...defaults])];
  const found = folders.flatMap((folder) =>
    [...host.files].flatMap(([path, file]): CacheLine[] => {
      const below = /^(?:glibc-hwcaps\/([^/]+)\/)?(lib[^/]*\.so[^/]*)$/.exec(path.slice(folder.length + 1));
      if (!path.startsWith(`${folder}/`) || below === null || file.bytes === undefined) return [];
      const elf = readElf(bytesOf(file.bytes));
      const flags = elf?.machine === 62 ? 0x0303 : elf?.machine === 3 ? 0x0003 : 0;
      const [, hwcap, name = ""] = below;
      const entry = { name: elf?.soname ?? name, path: posix.join(folder, path.slice(folder.length + 1)), flags };
      return [hwcap === undefined ? entry : { ...entry, hwcap }];
    }),
  );
  const named = (line: CacheLine): number => (line.hwcap === undefined ? 1 : 0);
  return cacheBytes(
    found.toSorted((one, other) =>
      one.name === other.name ? named(one) - named(other) : one.name < other.name ? 1 : -1,
    ),
  );
}
