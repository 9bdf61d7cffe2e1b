import { crc32, deflateRawSync } from "node:zlib";

/** A member of a tar archive as a hostile writer would make it: nothing is checked. */
export interface TarMember {
  readonly name: string | Uint8Array;
  /** Type flag: `0` file, `1` hard link, `2` symbolic link, `3` and `4` devices, `5` folder, `6` pipe, `x` pax header, … */
  readonly type?: string;
  readonly content?: Uint8Array | string;
  readonly link?: string;
  readonly mode?: number;
  readonly mtime?: number;
  /** Overrides the size field, as a number or byte by byte. */
  readonly size?: number | Uint8Array;
  /** The folder that ustar puts before the name. */
  readonly prefix?: string;
}

/** A tar archive (ustar header blocks), with the end mark unless `end` is false. */
export function tarOf(members: readonly TarMember[], { end = true }: { end?: boolean } = {}): Buffer {
  const blocks = members.flatMap((member) => {
    const content = Buffer.from(member.content ?? "");
    return [header(member, member.size ?? content.length), content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(end ? 1024 : 0)]);
}

function header(member: TarMember, size: number | Uint8Array): Buffer {
  const block = Buffer.alloc(512);
  Buffer.from(member.name).copy(block, 0, 0, 100);
  block.write(octal(member.mode ?? 0o644, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  if (typeof size === "number") block.write(octal(size, 11), 124);
  else Buffer.from(size).copy(block, 124, 0, 12);
  block.write(octal(member.mtime ?? 1_600_000_000, 11), 136);
  block.fill(" ", 148, 156);
  block.write(member.type ?? "0", 156);
  block.write(member.link ?? "", 157, 100);
  block.write("ustar\x0000", 257);
  block.write(member.prefix ?? "", 345, 155);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** A pax header that overrides fields of the next member; with type `g` of all that follow. */
export function paxHeader(fields: Readonly<Record<string, string>>, type: "x" | "g" = "x"): TarMember {
  const lines = Object.entries(fields).map(([name, value]) => {
    const rest = ` ${name}=${value}\n`;
    let length = Buffer.byteLength(rest) + 1;
    while (Buffer.byteLength(`${length}${rest}`) !== length) length++;
    return `${length}${rest}`;
  });
  return { name: "pax", type, content: lines.join("") };
}

/** A member of a zip file. Whatever is told twice can be told in two ways. */
export interface ZipMember {
  readonly name: string | Uint8Array;
  readonly content?: string | Uint8Array;
  /** Unix mode with the file's kind. */
  readonly mode?: number;
  /** Compresses the content. */
  readonly deflate?: boolean;
  readonly flags?: number;
  readonly method?: number;
  /** Overrides the checksum. */
  readonly crc?: number;
  /** Overrides the size that is told for the whole. */
  readonly size?: number;
  /** Only before the bytes, not in the directory. */
  readonly local?: { readonly name?: string; readonly method?: number; readonly size?: number; readonly crc?: number };
  /** An extra field of the directory, with its head. */
  readonly extra?: Uint8Array;
  /** Where the directory says that it begins. */
  readonly offset?: number;
}

/** A zip file; nothing is checked. */
export function zipOf(members: readonly ZipMember[], changes: { readonly entries?: number } = {}): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const [name, content] = [Buffer.from(member.name), Buffer.from(member.content ?? "")];
    const packed = member.deflate === true ? deflateRawSync(content) : content;
    const { local = {}, extra = Buffer.alloc(0) } = member;
    const facts: ZipFacts = {
      flags: member.flags ?? 0,
      method: member.method ?? (member.deflate === true ? 8 : 0),
      crc: member.crc ?? crc32(content),
      packed: packed.length,
      size: member.size ?? content.length,
      name,
    };
    const before = Buffer.from(local.name ?? member.name);
    locals.push(Buffer.from("PK\x03\x04"), zipFacts({ ...facts, ...local, name: before }, 0), before, packed);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((member.mode ?? 0o100644) << 16) >>> 0, 6);
    tail.writeUInt32LE(member.offset ?? offset, 10);
    // Version 3.0, made on Unix.
    central.push(
      Buffer.from("PK\x01\x02"),
      Buffer.from([30, 3]),
      zipFacts(facts, extra.length),
      tail,
      name,
      Buffer.from(extra),
    );
    offset += 30 + before.length + packed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(changes.entries ?? members.length, 8);
  end.writeUInt16LE(changes.entries ?? members.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

interface ZipFacts {
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly name: Uint8Array;
}

/** The fields that both headers of a member have. */
function zipFacts(facts: ZipFacts, extraLength: number): Buffer {
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(facts.flags, 2);
  common.writeUInt16LE(facts.method, 4);
  common.writeUInt16LE(0x5a21, 8);
  common.writeUInt32LE(facts.crc, 10);
  common.writeUInt32LE(facts.packed, 14);
  common.writeUInt32LE(facts.size, 18);
  common.writeUInt16LE(facts.name.length, 22);
  common.writeUInt16LE(extraLength, 24);
  return common;
}
