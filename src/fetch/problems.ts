import { ForgeError } from "../errors.ts";

const diskFull = new Set(["ENOSPC", "EDQUOT"]);
const notWritable = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "EISDIR", "EEXIST", "ENOTEMPTY", "EIO"]);

/** Codes that tell what this process or machine lacks, and nothing about the file. */
const lacking = new Set(["EMFILE", "ENFILE", "ENOMEM"]);

/** Whether an error code says that a file could not be looked at for want of descriptors or memory: then nothing is known of it. */
export function isLack(code: string): boolean {
  return lacking.has(code);
}

/** The system's error code (`ENOENT`, …) of anything thrown, or null. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}

/** What to throw for an error met while writing below `folder`: a ForgeError where the user can act, else the error itself. */
export function writeProblem(error: unknown, folder: string): unknown {
  const code = errnoOf(error);
  if (code !== null && diskFull.has(code)) {
    return new ForgeError("disk-full", `No space left while writing below ${folder}`, {
      hint: "Free some space there, or choose another place with --prefix, and run again",
      cause: error,
    });
  }
  if (code !== null && notWritable.has(code)) {
    return new ForgeError("prefix-unusable", `Cannot write below ${folder} (${code})`, {
      hint: "Make the folder writable for this user, or choose another prefix with --prefix",
      cause: error,
    });
  }
  return error;
}

/** Throws `interrupted` when the run has been ended. */
export function throwIfInterrupted(signal: AbortSignal, doing: string): void {
  if (signal.aborted)
    throw new ForgeError("interrupted", `Interrupted while ${doing}`, {
      hint: "Run the same command again: it continues where it stopped",
    });
}
