import path from "node:path";
import { ForgeError } from "../errors.ts";

/** Whether a file or folder is not there. */
export function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(codeOf(error));
}

/** What to throw for an error met at a file that the user named: a ForgeError where the user can act, else the error itself. */
export function fileProblem(error: unknown, file: string, what: "read" | "written"): unknown {
  const code = codeOf(error);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new ForgeError("disk-full", `no space left while writing below ${path.dirname(file)}`, {
      hint: "free some space there, or choose another place",
      cause: error,
    });
  }
  if (["ENOENT", "ENOTDIR", "EISDIR", "EACCES", "EPERM", "EROFS"].includes(code)) {
    return new ForgeError("usage", `${file} cannot be ${what} (${code})`, {
      hint: what === "read" ? "name a bundle" : "name a file in a folder that is there and can be written to",
      cause: error,
    });
  }
  return error;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
