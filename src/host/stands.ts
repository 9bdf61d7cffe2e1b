/** Whether recorded changes of the host stand, from a few small reads and nothing else: no process, no wait, no library. */
import { createHash } from "node:crypto";
import { lstatSync, readFileSync } from "node:fs";
import type { HostRecord } from "../store/types.ts";

type Data = HostRecord["data"];

/**
 * Whether a recorded change stands. `true` is certain. `false` and `null` (it cannot be told this way: an extended attribute, a setting of another
 * system, a kind of a newer tlsforge) both mean that the machine has to be asked properly. `root` is where the machine's files are, for tests.
 */
export function stands(record: HostRecord, root = ""): boolean | null {
  const { kind, data } = record;
  try {
    switch (kind) {
      // What a build needs is tried by the build; that a package is still there is the package manager's.
      case "package":
        return true;
      case "loader-path":
        return data["sha256"] === undefined ? namesLibrary(record, root) : fileStands(data, root);
      case "file":
        return fileStands(data, root);
      case "unit":
      case "socket":
        return fileStands(data, root) && linkStands(data, root);
      case "rc-script":
        return fileStands(data, root) && fileStands(settingsOf(data), root) && linkStands(data, root);
      case "sysctl":
        return data["sha256"] === undefined ? null : fileStands(data, root) && liveStands(data, root);
      case "user":
        return hasLine(`${root}/etc/passwd`, [data["name"], null, data["uid"], data["gid"]]);
      case "group":
        return hasLine(`${root}/etc/group`, [data["name"], null, data["gid"]]);
      default:
        return null;
    }
  } catch (error) {
    return isAbsence(error) ? false : null;
  }
}

function fileStands(data: Data, root: string): boolean {
  const { file, sha256, mode } = data;
  if (file === undefined || sha256 === undefined) return false;
  const path = `${root}${file}`;
  const facts = lstatSync(path);
  const modeNow = `0${(facts.mode & 0o7777).toString(8)}`;
  if (!facts.isFile() || (mode !== undefined && modeNow !== mode)) return false;
  return createHash("sha256").update(readFileSync(path)).digest("hex") === sha256;
}

/** An entry that was recorded without a digest. */
function namesLibrary({ after, data }: HostRecord, root: string): boolean {
  const { file } = data;
  if (file === undefined || after === null) return false;
  return readFileSync(`${root}${file}`, "utf8").split("\n").includes(after);
}

/** What starts a service at boot is a link of a known name. */
function linkStands({ link = "", enabled }: Data, root: string): boolean {
  const linked = link !== "" && lstatSync(`${root}${link}`, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return link === "" || linked === (enabled === "true");
}

/** A lower first unprivileged port gives what is wanted too. */
function liveStands({ key = "", value = "" }: Data, root: string): boolean {
  const live = readFileSync(`${root}/proc/sys/${key.replaceAll(".", "/")}`, "utf8").trim();
  return key.endsWith("ip_unprivileged_port_start") ? Number(live) <= Number(value) : live === value;
}

/** Whether a file of colon-separated lines has one that begins like this; null: any value. */
function hasLine(file: string, wanted: readonly (string | null | undefined)[]): boolean | null {
  if (wanted.includes(undefined)) return null;
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const found = lines.find(([name]) => name === wanted[0]);
  // An account may be a directory service's, which no file tells.
  if (found === undefined) return null;
  return wanted.every((value, index) => value === null || found[index] === value);
}

function settingsOf(data: Data): Data {
  const own = Object.entries(data).filter(([key]) => key.startsWith("settings."));
  return Object.fromEntries(own.map(([key, value]) => [key.slice("settings.".length), value]));
}

function isAbsence(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR";
}
