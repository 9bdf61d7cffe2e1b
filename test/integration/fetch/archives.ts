import { crc32 } from "node:zlib";

/** A member of a tar archive as a hostile writer would make it: nothing is checked. */
export interface TarMember {
  readonly name: string;
  /** Type flag: `0` file, `1` hard link, `2` symbolic link, `3` and `4` devices, `5` folder, `6` pipe, `x` pax header, … */
  readonly type?: string;
  readonly content?: Uint8Array | string;
  readonly link?: string;
  readonly mode?: number;
  readonly mtime?: number;
  /** Overrides the size field. */
  readonly size?: number;
}

/** A tar archive (ustar header blocks), with the end mark unless `end` is false. */
export function tarOf(members: readonly TarMember[], { end = true }: { end?: boolean } = {}): Buffer {
  const blocks = members.flatMap((member) => {
    const content = Buffer.from(member.content ?? "");
    return [header(member, member.size ?? content.length), content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(end ? 1024 : 0)]);
}

function header(member: TarMember, size: number): Buffer {
  const block = Buffer.alloc(512);
  block.write(member.name, 0, 100);
  block.write(octal(member.mode ?? 0o644, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size, 11), 124);
  block.write(octal(member.mtime ?? 1_600_000_000, 11), 136);
  block.fill(" ", 148, 156);
  block.write(member.type ?? "0", 156);
  block.write(member.link ?? "", 157, 100);
  block.write("ustar\x0000", 257);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

/** A pax header that overrides fields of the next member. */
export function paxHeader(fields: Readonly<Record<string, string>>): TarMember {
  const lines = Object.entries(fields).map(([name, value]) => {
    const rest = ` ${name}=${value}\n`;
    let length = rest.length + 1;
    while (`${length}${rest}`.length !== length) length++;
    return `${length}${rest}`;
  });
  return { name: "pax", type: "x", content: lines.join("") };
}

/** A member of a zip file, stored without compression. */
export interface ZipMember {
  readonly name: string;
  readonly content?: string;
  /** Unix mode with the file's kind. */
  readonly mode?: number;
  /** Overrides the checksum. */
  readonly crc?: number;
}

/** A zip file; nothing is checked. */
export function zipOf(members: readonly ZipMember[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const name = Buffer.from(member.name);
    const content = Buffer.from(member.content ?? "");
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x5a21, 8);
    common.writeUInt32LE(member.crc ?? crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, name, content]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((member.mode ?? 0o100644) << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    // Version 3.0, made on Unix.
    central.push(Buffer.from("PK\x01\x02"), Buffer.from([30, 3]), common, tail, name);
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}
