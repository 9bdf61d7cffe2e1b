import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import path from "node:path";
import type { ElfBytes } from "../elf/index.ts";

/** The files of a folder and of those below it, in the order of their names; links are not followed. */
export function* filesOf(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* filesOf(file);
    else if (entry.isFile()) yield file;
  }
}

/** The bytes of a file from its beginning to its end, as often as the buffer is full of new ones; its last `overlap` bytes are those that the next begins with. */
export function* piecesOf(file: string, buffer: Buffer, overlap: number): Generator<Buffer> {
  const descriptor = openPlain(file);
  try {
    for (let kept = 0; ;) {
      let filled = kept;
      while (filled < buffer.length) {
        const count = readSync(descriptor, buffer, filled, buffer.length - filled, null);
        if (count === 0) break;
        filled += count;
      }
      if (filled === kept) return;
      yield buffer.subarray(0, filled);
      if (filled < buffer.length) return;
      buffer.copy(buffer, 0, filled - overlap, filled);
      kept = overlap;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** A link is none, and nobody is waited for who would write into a pipe. */
function openPlain(file: string): number {
  return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
}

/** Opens a file, which is no link and no pipe, while `use` reads it by piece. */
export function withBytes<T>(file: string, use: (bytes: ElfBytes) => T): T {
  const descriptor = openPlain(file);
  try {
    return use({
      size: fstatSync(descriptor).size,
      read(offset, length) {
        const bytes = Buffer.alloc(length);
        return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
      },
    });
  } finally {
    closeSync(descriptor);
  }
}
