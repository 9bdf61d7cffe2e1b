import { readFileSync } from "node:fs";
import { ForgeError } from "../errors.ts";

/** What the system says when it opens no more files (open(2): `EMFILE` for this process, `ENFILE` for the whole machine) as an error that a user can act on; anything else comes back as it is. */
export function explainedOpening(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ForgeError || !("code" in error)) return error;
  if (error.code === "EMFILE") {
    const limit = openFilesLimit();
    return new ForgeError(
      "requirement-missing",
      `this process may open no more files${limit === null ? "" : ` than ${limit}`}: ${error.message}`,
      {
        // Node itself goes up to the hard limit.
        hint: "raise the limit and run the command again: ulimit -n 4096 in this shell, where that is refused as root, or where the shell got its limit (limits.conf, LimitNOFILE= of a service, --ulimit nofile of a container)",
        cause: error,
      },
    );
  }
  if (error.code !== "ENFILE") return error;
  return new ForgeError("requirement-missing", `this machine opens no more files: ${error.message}`, {
    hint: "end programs that hold many open, or raise the machine's limit (sysctl fs.file-max, kern.maxfiles), and run the command again",
    cause: error,
  });
}

/** How many files this process may have open, as Linux tells; null where nothing tells, or the limit stops the question. */
function openFilesLimit(): number | null {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return limit === undefined ? null : Number(limit);
  } catch {
    return null;
  }
}
