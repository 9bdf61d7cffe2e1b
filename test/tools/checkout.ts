/** Copies of this checkout to try its own tools on, and the clean roots to try them in. */
import { cp, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";

export const root = join(import.meta.dirname, "..", "..");

/** Copies what git tracks, and what it would, to a new folder; nothing that was set up or built. */
export async function copyCheckout(to: string): Promise<void> {
  const { stdout } = await execa("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
  });
  const { stdout: gone } = await execa("git", ["ls-files", "-z", "--deleted"], { cwd: root });
  const deleted = new Set(gone.split("\0"));
  const files = stdout.split("\0").filter((file) => file !== "" && !deleted.has(file));
  for (const file of new Set(files)) {
    await mkdir(dirname(join(to, file)), { recursive: true });
    await cp(join(root, file), join(to, file), { verbatimSymlinks: true });
  }
}

export interface CleanRootRun {
  /** Whose session it is; root when left out. */
  readonly user?: string;
  /** False: loopback only. */
  readonly network?: boolean;
  /** What is copied in: [path here, path there]. */
  readonly into?: readonly (readonly [string, string])[];
  /** Debian packages beyond Node and npm. */
  readonly packages?: string;
}

/** Runs one shell line in a fresh Debian root; gives its exit code and everything it said. */
export async function inCleanRoot(
  line: string,
  options: CleanRootRun = {},
): Promise<{ exitCode: number; output: string }> {
  const { user, network = true, into = [], packages } = options;
  const argv = [
    "run",
    ...(user === undefined ? [] : ["--user", user]),
    ...(network ? [] : ["--no-net"]),
    ...into.flatMap(([here, there]) => ["--in", `${here}:${there}`]),
    ...(packages === undefined ? [] : ["--packages", packages]),
  ];
  const run = await execa(join(import.meta.dirname, "cleanroot"), [...argv, "--", "sh", "-c", line], {
    all: true,
    reject: false,
  });
  return { exitCode: run.exitCode ?? -1, output: run.all };
}
