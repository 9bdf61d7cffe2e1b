import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { throwIfInterrupted } from "./problems.ts";

/** Buffers of `chunksOf` that nobody uses: fresh ones for each chunk would pile up by tens of megabytes between two garbage collections. */
const idle: Buffer[] = [];

/**
 * The bytes of a file in chunks. A chunk is overwritten when the next one is asked for. A pipe, socket or device is empty, since its end might never
 * come, and of a file that has more than its size says no more is read than shows that. Throws `interrupted` when the signal is given.
 */
export async function* chunksOf(file: string, signal?: AbortSignal): AsyncGenerator<Buffer, void> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = idle.pop() ?? Buffer.allocUnsafeSlow(1 << 18);
  try {
    const facts = await handle.stat();
    if (!facts.isFile() && !facts.isDirectory()) return;
    for (let left = facts.size; left >= 0;) {
      if (signal !== undefined) throwIfInterrupted(signal, `reading ${file}`);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return;
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    idle.push(buffer);
    await handle.close();
  }
}

/** Feeds a file's bytes to a hash; the number of bytes read. */
export async function hashInto(hash: Hash, file: string, signal?: AbortSignal): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunksOf(file, signal)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return bytes;
}

/** SHA-256 of a file, lower-case hex, and its size in bytes. */
export async function fileDigest(file: string, signal?: AbortSignal): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  const bytes = await hashInto(hash, file, signal);
  return { sha256: hash.digest("hex"), bytes };
}

/**
 * SHA-256 of a folder: over one line per entry, sorted by the bytes of its path, with kind, executable bit, path and
 * digest of content (or target of a link). Times and owners are left out.
 */
export async function folderDigest(folder: string, signal?: AbortSignal): Promise<{ sha256: string; bytes: number }> {
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
        const content = await fileDigest(full, signal);
        bytes += content.bytes;
        hash.update(`${(facts.mode & 0o100) === 0 ? "file" : "program"}\0${path}\0${content.sha256}\0\n`);
      } else hash.update(`other\0${path}\0\n`);
    }
  };
  await visit("");
  return { sha256: hash.digest("hex"), bytes };
}
