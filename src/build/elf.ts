import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { readElf, type ElfDynamic } from "../elf/index.ts";

/** The dynamic section of a file on disk, as `readElf` reads it. */
export function readElfFile(file: string): ElfDynamic | null {
  const descriptor = openSync(file, "r");
  try {
    return readElf({
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
