import { closeSync, openSync, writeSync } from "node:fs";
import { ForgeError } from "../errors.ts";
import { logEnd, rotateLog } from "../store/index.ts";

/** The log of one build. Writing is done at once, so that a kill loses nothing, memory stays bounded and a program that prints faster than the disk takes it has to wait. */
export interface BuildLog {
  /** Throws ForgeError `disk-full` or `prefix-unusable`. */
  readonly write: (data: string | Uint8Array) => void;
  /** Writes what was held back and that this is the end, and closes the file. */
  readonly close: () => void;
}

/** How many bytes a log keeps of its beginning and, beyond that, of its end. */
export interface LogLimits {
  readonly head: number;
  readonly tail: number;
}

const standardLimits: LogLimits = { head: 64 * 1024 * 1024, tail: 1024 * 1024 };

/** Not to be had on a full disk, which is no news by then: who follows the log also sees that nobody builds any more. */
function endMark(descriptor: number): void {
  try {
    writeSync(descriptor, `\n${logEnd}\n`);
  } catch {
    // See above.
  }
}

/** Begins a log; those of earlier tries move out of the way. What is longer than the limits lacks its middle, and says how much. */
export function openLog(file: string, limits = standardLimits): BuildLog {
  attempt(file, () => rotateLog(file));
  const descriptor = attempt(file, () => openSync(file, "w", 0o644));
  const end = endOf(limits.tail);
  let written = 0;
  const put = (data: Uint8Array): void => {
    for (let done = 0; done < data.length;) {
      done += attempt(file, () => writeSync(descriptor, data, done));
    }
  };
  return {
    write(data) {
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      const room = Math.max(0, limits.head - written);
      put(bytes.subarray(0, room));
      written += Math.min(room, bytes.length);
      end.add(bytes.subarray(room));
    },
    close() {
      try {
        const { lost, bytes } = end.take();
        if (lost > 0) put(Buffer.from(`\n[${lost} bytes are left out here]\n`));
        put(bytes);
        endMark(descriptor);
      } finally {
        closeSync(descriptor);
      }
    },
  };
}

/** Holds the last `size` bytes of what is added. */
function endOf(size: number): {
  readonly add: (bytes: Uint8Array) => void;
  readonly take: () => { readonly lost: number; readonly bytes: Uint8Array };
} {
  let ring: Buffer | null = null;
  let total = 0;
  return {
    add(bytes) {
      if (bytes.length === 0) return;
      ring ??= Buffer.alloc(size);
      const last = bytes.subarray(Math.max(0, bytes.length - size));
      const at = (total + bytes.length - last.length) % size;
      const first = Math.min(last.length, size - at);
      ring.set(last.subarray(0, first), at);
      ring.set(last.subarray(first), 0);
      total += bytes.length;
    },
    take() {
      if (ring === null) return { lost: 0, bytes: Buffer.alloc(0) };
      if (total <= size) return { lost: 0, bytes: ring.subarray(0, total) };
      const at = total % size;
      return { lost: total - size, bytes: Buffer.concat([ring.subarray(at), ring.subarray(0, at)]) };
    },
  };
}

function attempt<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") {
      throw new ForgeError("disk-full", `no space is left for the log ${file}`, {
        hint: "free some space (tlsforge gc removes old builds), then run the command again",
        cause: error,
      });
    }
    throw new ForgeError("prefix-unusable", `cannot write the log ${file}: ${message}`, {
      hint: "make its folder writable for this user, or choose another folder with --prefix",
      cause: error,
    });
  }
}
