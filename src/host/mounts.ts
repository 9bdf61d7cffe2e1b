/** File systems that are mounted read-only, so that a change is refused before it is tried, and a refusal names the place. */
import type { Host, HostCommand } from "./types.ts";

/** Programs that write what their arguments name. */
const writers: ReadonlySet<string> = new Set([
  "tee",
  "mv",
  "cp",
  "ln",
  "mkdir",
  "rm",
  "rmdir",
  "install",
  "chmod",
  "chown",
  "setcap",
]);

/** Why commands cannot be run because of where they write; null when nothing is known against it. Linux alone tells of its mounts in a file. */
export async function readOnlyReason(host: Host, commands: readonly HostCommand[]): Promise<string | null> {
  const paths = commands
    .filter(({ argv }) => writers.has((argv[0] ?? "").split("/").at(-1) ?? ""))
    .flatMap(({ argv }) => argv.slice(1).filter((word) => word.startsWith("/")));
  if (paths.length === 0) return null;
  const mounts = await mountsOf(host);
  for (const path of paths) {
    const mount = mountOf(mounts, path);
    if (mount?.readOnly === true) return `${path} is on the file system ${mount.point}, which is mounted read-only`;
  }
  return null;
}

/** What to do when a program's words say that a file system is read-only; null when they do not, or when neither they nor argv tell which. */
export async function readOnlyRemedy(host: Host, words: string, argv: readonly string[]): Promise<string | null> {
  if (!/read-only file system/i.test(words)) return null;
  const path =
    /(?:^|[\s'"‘:(])(\/[^\s'"’:)]*)/m.exec(words)?.[1] ?? argv.slice(1).findLast((word) => word.startsWith("/"));
  if (path === undefined) return null;
  return remedyFor(mountOf(await mountsOf(host), path)?.point ?? path);
}

/** What a user can do about a read-only file system. */
export function remedyFor(point: string): string {
  return `mount ${point} writable (mount -o remount,rw), or make the change in the image that the machine starts from, then run tlsforge again`;
}

interface Mount {
  readonly point: string;
  readonly readOnly: boolean;
}

async function mountsOf(host: Host): Promise<readonly Mount[]> {
  const text = host.platform.os === "linux" ? await host.readFile("/proc/self/mounts") : null;
  return (text ?? "").split("\n").flatMap((line) => {
    const [, point, , options] = line.split(" ");
    if (point === undefined || options === undefined) return [];
    return [{ point: unescaped(point), readOnly: options.split(",").includes("ro") }];
  });
}

/** The last of the mounts that a path lies below: later ones hide earlier ones. */
function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  const above = mounts.filter(({ point }) => path === point || path.startsWith(point === "/" ? "/" : `${point}/`));
  const longest = Math.max(...above.map(({ point }) => point.length));
  return above.findLast(({ point }) => point.length === longest);
}

/** The kernel writes blanks in octal (proc_pid_mounts(5), fstab(5)). */
function unescaped(point: string): string {
  return point.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
}
