import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

/** Buffers of `chunksOf` that nobody uses: fresh ones for each chunk would pile up by tens of megabytes between two garbage collections. */
const idle: Buffer[] = [];

/** The bytes of a file in chunks. A chunk is overwritten when the next one is asked for. A pipe without a writer is empty, and holds nobody. */
export async function* chunksOf(file: string): AsyncGenerator<Buffer, void> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = idle.pop() ?? Buffer.allocUnsafeSlow(1 << 18);
  try {
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    idle.push(buffer);
    await handle.close();
  }
}

/** Feeds a file's bytes to a hash; the number of bytes read. */
export async function hashInto(hash: Hash, file: string): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunksOf(file)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return bytes;
}

/** SHA-256 of a file, lower-case hex, and its size in bytes. */
export async function fileDigest(file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  const bytes = await hashInto(hash, file);
  return { sha256: hash.digest("hex"), bytes };
}

/**
 * SHA-256 of a folder: over one line per entry, sorted by the bytes of its path, with kind, executable bit, path and
 * digest of content (or target of a link). Times and owners are left out.
 */
export async function folderDigest(folder: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  const visit = async (relative: string): Promise<void> => {
    const names = await readdir(join(folder, relative));
    for (const name of names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
      const path = relative === "" ? name : `${relative}/${name}`;
      const full = join(folder, path);
      const facts = await lstat(full);
      if (facts.isSymbolicLink()) hash.update(`link\0${path}\0${await readlink(full)}\0\n`);
      else if (facts.isDirectory()) {
        hash.update(`folder\0${path}\0\n`);
        await visit(path);
      } else if (facts.isFile()) {
        const content = await fileDigest(full);
        bytes += content.bytes;
        hash.update(`${(facts.mode & 0o100) === 0 ? "file" : "program"}\0${path}\0${content.sha256}\0\n`);
      } else hash.update(`other\0${path}\0\n`);
    }
  };
  await visit("");
  return { sha256: hash.digest("hex"), bytes };
}
