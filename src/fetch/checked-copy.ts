import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { ForgeError } from "../errors.ts";
import { chunksOf } from "./digest.ts";
import { errnoOf, isLack } from "./problems.ts";

/** What a source was when it was looked at: its bytes and how many they are. */
export interface Expected {
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Copies a file to `to`, which must not be there, and compares the digest of what it wrote: who uses the copy uses the very bytes that were compared, whatever
 * becomes of the file. `source-mismatch` when they are others; then the copy has to be removed. Errors of the disk of `to` are thrown.
 */
export async function checkedCopy(from: string, to: string, expected: Expected): Promise<void> {
  // A device in its place would never end.
  if ((await stat(from).catch(() => null))?.isFile() !== true) throw changed(from);
  const target = await open(to, "wx", 0o644);
  const hash = createHash("sha256");
  let left = expected.bytes;
  try {
    for await (const chunk of readable(from)) {
      left -= chunk.length;
      if (left < 0) break;
      hash.update(chunk);
      for (let done = 0; done < chunk.length;)
        done += (await target.write(chunk, done, chunk.length - done)).bytesWritten;
    }
  } finally {
    await target.close();
  }
  if (left !== 0 || hash.digest("hex") !== expected.sha256) throw changed(from);
}

/** The bytes of a source. That it can be read no more is told as a change: it could be when it was looked at. */
async function* readable(file: string): AsyncGenerator<Buffer, void> {
  const chunks = chunksOf(file);
  try {
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => {
        const code = errnoOf(error);
        throw code === null || isLack(code) ? error : changed(file);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await chunks.return();
  }
}

/** The error for a source that is not what it was when it was looked at. */
export function changed(path: string): ForgeError {
  return new ForgeError("source-mismatch", `${path} has changed since this run began to look at it`, {
    hint: "run again when nothing writes there any more",
  });
}
