import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { crc32, gzipSync } from "node:zlib";
import { paxHeader, tarOf, zipOf } from "./archives.ts";
import type { TarMember, ZipMember } from "./archives.ts";

/** A case: the archive, and what must become of it: an error's code, or what the target then holds where it is made harmless. */
interface Hostile {
  readonly archive: (base: string) => Buffer;
  readonly ends:
    | "archive-unsafe"
    | "archive-broken"
    | { readonly look: (target: string) => Promise<unknown>; readonly sees: unknown };
}

/** 16 MiB of nothing in a few bytes, over and over: a stream of each of these packings may have many parts. */
const zeros = Buffer.alloc(16 * 1024 * 1024);
const parts = 64;
const tar =
  (...members: readonly TarMember[]): (() => Buffer) =>
  () =>
    tarOf(members);
const zip =
  (...members: readonly ZipMember[]): (() => Buffer) =>
  () =>
    zipOf(members);
const honest = { name: "honest", content: "x" };
const base256 = (first: number, ...rest: number[]): Buffer =>
  Buffer.from([first, ...Array(11 - rest.length).fill(first & 0x7f ? 0xff : 0), ...rest]);
const piped = (program: string, input: Uint8Array): Buffer =>
  execFileSync(program, ["-c"], { input, maxBuffer: 1 << 28 });
const bomb =
  (pack: (bytes: Uint8Array) => Buffer): (() => Buffer) =>
  () => {
    const packed = pack(zeros);
    const head = pack(tarOf([{ name: "zeros", size: zeros.length * parts }], { end: false }));
    return Buffer.concat([head, ...Array(parts).fill(packed)]);
  };
const unsafe = "archive-unsafe";
const broken = "archive-broken";

/** Every case by its name, made when it is asked for. */
export const cases: Readonly<Record<string, Hostile>> = {
  // Names.
  "tar: a name with ..": { archive: tar(honest, { name: "a/../../evil", content: "x" }), ends: unsafe },
  "tar: .. in the folder before the name": {
    archive: tar({ name: "evil", prefix: "a/../..", content: "x" }),
    ends: unsafe,
  },
  "tar: an absolute name": { archive: (base) => tarOf([{ name: join(base, "evil"), content: "x" }]), ends: unsafe },
  "tar: an absolute name in a long-name member": {
    archive: (base) => tarOf([{ name: "././@LongLink", type: "L", content: `${join(base, "evil")}\0` }, honest]),
    ends: unsafe,
  },
  "tar: NUL in a name": {
    archive: tar({ name: Buffer.from("good\0/../../evil"), content: "x" }),
    ends: { look: readdir, sees: ["good"] },
  },
  "tar: NUL in a pax name": { archive: tar(paxHeader({ path: "a\0/../../evil" }), honest), ends: unsafe },
  "tar: a backslash": { archive: tar({ name: "..\\..\\evil", content: "x" }), ends: unsafe },
  "tar: a line feed": { archive: tar({ name: "a\nb", content: "x" }), ends: unsafe },
  "tar: an escape sequence": { archive: tar({ name: "a\u001b]0;x", content: "x" }), ends: unsafe },
  "tar: C1 control characters": { archive: tar({ name: "a\u009bb", content: "x" }), ends: unsafe },
  "tar: a name that is not UTF-8": {
    archive: tar({ name: Buffer.from([0x61, 0xff, 0xfe]), content: "x" }),
    ends: unsafe,
  },
  "tar: a part of 300 bytes": { archive: tar(paxHeader({ path: "n".repeat(300) }), honest), ends: unsafe },
  "tar: a path of 6000 bytes": { archive: tar(paxHeader({ path: "n/".repeat(3000) }), honest), ends: unsafe },
  "tar: a path that is only too long below the target": {
    archive: tar(paxHeader({ path: `${"n".repeat(203)}/`.repeat(20) }), honest),
    ends: unsafe,
  },
  "tar: a file without a name": { archive: tar({ name: "./", type: "0", content: "x" }), ends: broken },
  // Links.
  "tar: a link out": { archive: tar({ name: "l", type: "2", link: "../outside" }), ends: unsafe },
  "tar: an absolute link": { archive: (base) => tarOf([{ name: "l", type: "2", link: base }]), ends: unsafe },
  "tar: a chain of links out": {
    archive: tar(
      { name: "a/b/", type: "5" },
      { name: "a/b/up", type: "2", link: ".." },
      { name: "m", type: "2", link: "a/b/up/../../outside" },
    ),
    ends: unsafe,
  },
  "tar: 100 links in a row": {
    archive: () => tarOf(Array.from({ length: 100 }, (_, at) => ({ name: `l${at}`, type: "2", link: `l${at + 1}` }))),
    ends: unsafe,
  },
  "tar: a link, then a file through it": {
    archive: tar({ name: "d/", type: "5" }, { name: "l", type: "2", link: "d" }, { name: "l/evil", content: "x" }),
    ends: unsafe,
  },
  "tar: a link, then the file that it leads to": {
    archive: tar({ name: "l", type: "2", link: "inside" }, { name: "l", content: "x" }),
    ends: unsafe,
  },
  "tar: a hard link out": { archive: tar({ name: "l", type: "1", link: "../../outside" }), ends: unsafe },
  "tar: an absolute hard link": {
    archive: (base) => tarOf([{ name: "l", type: "1", link: join(base, "outside") }]),
    ends: unsafe,
  },
  "tar: a hard link to a link": {
    archive: tar({ name: "s", type: "2", link: "honest" }, { name: "h", type: "1", link: "s" }),
    ends: unsafe,
  },
  "tar: a hard link that is written to": {
    archive: tar(honest, { name: "h", type: "1", link: "honest", content: "y" }),
    ends: broken,
  },
  "tar: a symbolic link with content": {
    archive: tar({ name: "s", type: "2", link: "a", content: "y" }),
    ends: broken,
  },
  "tar: a link of 5000 bytes": {
    archive: tar(paxHeader({ linkpath: "l/".repeat(2500) }), { name: "s", type: "2", link: "a" }),
    ends: unsafe,
  },
  "tar: a pax link out": {
    archive: tar(paxHeader({ linkpath: "../../outside" }), { name: "s", type: "2", link: "a" }),
    ends: unsafe,
  },
  // Sizes.
  "tar: a negative size": {
    archive: tar({ name: "n", size: base256(0xff, 0xff, 0xf0), content: "x" }, honest),
    ends: broken,
  },
  "tar: a size of 2^80": {
    archive: tar({ name: "n", size: base256(0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0), content: "x" }),
    ends: broken,
  },
  "tar: a size that is no number": {
    archive: tar({ name: "n", size: Buffer.from("zzzzzzzzzzz\0"), content: "x" }),
    ends: broken,
  },
  "tar: a size of 8 GiB over 1 byte": { archive: tar({ name: "n", size: 2 ** 33 - 1, content: "x" }), ends: broken },
  "tar: a negative pax size": { archive: tar(paxHeader({ size: "-512" }), honest), ends: unsafe },
  "tar: a pax size in another notation": { archive: tar(paxHeader({ size: "0x200" }), honest), ends: unsafe },
  "tar: a pax size that hides a member": {
    archive: tar(paxHeader({ size: "1024" }), { name: "outer", size: 0 }, { name: "../evil", content: "x" }),
    ends: { look: readdir, sees: ["outer"] },
  },
  "tar: a size for all members": { archive: tar(paxHeader({ size: "1" }, "g"), honest), ends: unsafe },
  "tar: a name for all members": { archive: tar(paxHeader({ path: "../evil" }, "g"), honest), ends: unsafe },
  "tar: a damaged pax record": {
    archive: tar({ name: "pax", type: "x", content: "99 path=../../evil\n" }, honest),
    ends: broken,
  },
  "tar: a pax header of 2 MiB": {
    archive: tar({ name: "pax", type: "x", content: `${"9".repeat(2 ** 21)}` }, honest),
    ends: unsafe,
  },
  "tar: an old sparse file": { archive: tar({ name: "s", type: "S", content: "x", size: 1 }), ends: unsafe },
  "tar: a sparse file of pax 0.1": {
    archive: tar(paxHeader({ "GNU.sparse.size": "1099511627776", "GNU.sparse.map": "0,1" }), honest),
    ends: unsafe,
  },
  "tar: a sparse file of pax 1.0": {
    archive: tar(paxHeader({ "GNU.sparse.major": "1", "GNU.sparse.name": "../evil", "GNU.sparse.realsize": "9" }), {
      name: "s",
      content: "1\n0\n",
    }),
    ends: unsafe,
  },
  // Bombs.
  "tar: a gzip bomb": { archive: bomb((bytes) => gzipSync(bytes)), ends: unsafe },
  "tar: an xz bomb": { archive: bomb((bytes) => piped("xz", bytes)), ends: unsafe },
  "tar: a bzip2 bomb": { archive: bomb((bytes) => piped("bzip2", bytes)), ends: unsafe },
  "tar: a bomb after the end mark": {
    archive: () => Buffer.concat([gzipSync(tarOf([honest])), ...Array<Buffer>(parts).fill(gzipSync(zeros))]),
    ends: unsafe,
  },
  "tar: xz that asks for 4 GiB of memory": { archive: () => greedyXz(tarOf([honest])), ends: broken },
  "tar: bzip2 with damage": {
    archive: () =>
      damaged(
        piped("bzip2", tarOf([{ name: "a", content: createHash("sha512").update("a").digest("hex").repeat(50) }])),
      ),
    ends: broken,
  },
  "tar: bzip2 cut short": {
    archive: () => piped("bzip2", tarOf([{ name: "a", content: "x".repeat(9999) }])).subarray(0, -20),
    ends: broken,
  },
  "tar: folders in folders in folders": { archive: tar(paxHeader({ path: "d/".repeat(1500) }), honest), ends: unsafe },
  // Members twice, and of other kinds.
  "tar: a member twice": { archive: tar(honest, { name: "./honest", content: "y" }), ends: unsafe },
  "tar: a file, then a folder": { archive: tar(honest, { name: "honest/", type: "5" }), ends: unsafe },
  "tar: a folder, then a link": {
    archive: tar({ name: "d/", type: "5" }, { name: "d", type: "2", link: "honest" }),
    ends: unsafe,
  },
  "tar: names that differ in case": {
    archive: tar({ name: "Makefile", content: "1" }, { name: "makefile", content: "2" }),
    ends: { look: (target) => readFile(join(target, "Makefile"), "utf8"), sees: "1" },
  },
  "tar: rights beyond the usual": {
    archive: tar({ name: "s", mode: 0o7777, content: "x" }, { name: "d/", type: "5", mode: 0o7777 }),
    ends: {
      look: (target) => Promise.all([modeOf(join(target, "s")), modeOf(join(target, "d"))]),
      sees: [0o755, 0o755],
    },
  },
  "tar: a time that no system has": {
    archive: tar(paxHeader({ mtime: "1e300" }), honest, paxHeader({ mtime: "-9" }), { name: "b", content: "x" }),
    ends: { look: async (target) => (await stat(join(target, "b"))).mtimeMs, sees: 0 },
  },
  "tar: a character device": { archive: tar({ name: "null", type: "3" }), ends: unsafe },
  "tar: a block device": { archive: tar({ name: "sda", type: "4" }), ends: unsafe },
  "tar: a pipe": { archive: tar({ name: "pipe", type: "6" }), ends: unsafe },
  "tar: another archive behind the end": {
    archive: () => Buffer.concat([tarOf([honest]), tarOf([{ name: "../evil", content: "x" }])]),
    ends: { look: readdir, sees: ["honest"] },
  },
  // Zip.
  "zip: a name with ..": { archive: zip(honest, { name: "a/../../evil", content: "x" }), ends: unsafe },
  "zip: an absolute name": { archive: (base) => zipOf([{ name: join(base, "evil"), content: "x" }]), ends: unsafe },
  "zip: NUL in a name": { archive: zip({ name: "a\0b", content: "x" }), ends: unsafe },
  "zip: a backslash": { archive: zip({ name: "..\\evil", content: "x" }), ends: unsafe },
  "zip: a name that is not UTF-8": { archive: zip({ name: Buffer.from([0x61, 0xff]), flags: 0x800 }), ends: unsafe },
  "zip: another name before the bytes": {
    archive: zip({ name: "good", local: { name: "../evil" }, content: "x" }),
    ends: unsafe,
  },
  "zip: another size before the bytes": {
    archive: zip({ name: "a", content: "xx", local: { size: 1 } }),
    ends: unsafe,
  },
  "zip: another compression before the bytes": {
    archive: zip({ name: "a", content: "xx", local: { method: 8 } }),
    ends: unsafe,
  },
  "zip: another name in an extra field": {
    archive: zip({ name: "good", content: "x", extra: unicodePath("good", "evil") }),
    ends: unsafe,
  },
  "zip: members that share bytes": {
    archive: zip({ name: "a", content: "x" }, { name: "a", content: "x", offset: 0 }),
    ends: unsafe,
  },
  "zip: members that overlap": { archive: overlapping, ends: unsafe },
  "zip: a bomb": {
    archive: zip(...Array.from({ length: 16 }, (_, at) => ({ name: `${at}`, content: zeros, deflate: true }))),
    ends: unsafe,
  },
  "zip: more than it says": {
    archive: zip({ name: "a", content: "x".repeat(5000), deflate: true, size: 10 }),
    ends: broken,
  },
  "zip: less than it says": { archive: zip({ name: "a", content: "x", deflate: true, size: 10 }), ends: broken },
  "zip: a wrong checksum": { archive: zip({ name: "a", content: "x", crc: 1 }), ends: broken },
  "zip: an unknown compression": { archive: zip({ name: "a", content: "x", method: 99 }), ends: broken },
  "zip: encrypted": { archive: zip({ name: "a", content: "x", flags: 1 }), ends: broken },
  "zip: zip64 with a size of 2^62": {
    archive: zip({ name: "a", content: "x", size: 0xffff_ffff, extra: zip64(2n ** 62n) }),
    ends: broken,
  },
  "zip: zip64 that is not there": { archive: zip({ name: "a", content: "x", size: 0xffff_ffff }), ends: broken },
  "zip: more members than there are": { archive: () => zipOf([honest], { entries: 9 }), ends: broken },
  "zip: a member outside the file": { archive: zip({ name: "a", content: "x", offset: 0xfff_ffff }), ends: broken },
  "zip: a link out": { archive: zip({ name: "l", content: "../outside", mode: 0o120777 }), ends: unsafe },
  "zip: a link, then a file through it": {
    archive: zip({ name: "d/" }, { name: "l", content: "d", mode: 0o120777 }, { name: "l/x", content: "x" }),
    ends: unsafe,
  },
  "zip: a long link": { archive: zip({ name: "l", content: "x".repeat(9999), mode: 0o120777 }), ends: unsafe },
  "zip: a device": { archive: zip({ name: "dev", mode: 0o020666 }), ends: unsafe },
  "zip: a member twice": { archive: zip(honest, honest), ends: unsafe },
  "zip: set-user-id": {
    archive: zip({ name: "s", content: "x", mode: 0o107777 }),
    ends: { look: (target) => modeOf(join(target, "s")), sees: 0o755 },
  },
  "zip: something behind the end": {
    archive: () => Buffer.concat([zipOf([honest]), Buffer.from("more")]),
    ends: broken,
  },
  "zip: cut short": { archive: () => zipOf([honest]).subarray(0, -30), ends: broken },
};

/** An xz stream whose block says that it needs a dictionary of 4 GiB (the .xz file format 1.2.0, section 5.3.1). */
function greedyXz(bytes: Uint8Array): Buffer {
  const packed = Buffer.from(piped("xz", bytes));
  const length = (packed[12]! + 1) * 4;
  packed[packed.indexOf(Buffer.from([0x21, 0x01]), 12) + 2] = 40;
  packed.writeUInt32LE(crc32(packed.subarray(12, 12 + length - 4)), 12 + length - 4);
  return packed;
}

function damaged(bytes: Buffer): Buffer {
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = bytes[middle]! ^ 0x55;
  return bytes;
}

/** Info-ZIP's field for a name in UTF-8 (APPNOTE 4.6.9). */
function unicodePath(name: string, other: string): Buffer {
  const head = Buffer.alloc(9);
  head.writeUInt16LE(0x7075, 0);
  head.writeUInt16LE(5 + other.length, 2);
  head[4] = 1;
  head.writeUInt32LE(crc32(name), 5);
  return Buffer.concat([head, Buffer.from(other)]);
}

/** The field for sizes beyond 4 GiB (APPNOTE 4.5.3). */
function zip64(size: bigint): Buffer {
  const field = Buffer.alloc(12);
  field.writeUInt16LE(1, 0);
  field.writeUInt16LE(8, 2);
  field.writeBigUInt64LE(size, 4);
  return field;
}

/** The second member lies within the bytes of the first. */
function overlapping(): Buffer {
  const inner = zipOf([{ name: "b", content: "inner" }]);
  const outer = Buffer.from(inner.subarray(0, 36));
  return zipOf([
    { name: "a", content: outer },
    { name: "b", content: "inner", offset: 31 },
  ]);
}

async function modeOf(file: string): Promise<number> {
  return (await stat(file)).mode & 0o7777;
}
