/** Accounts and services on a machine in memory: what the programs that change them do to files. */
import type { MemoryFile } from "./memory.ts";
import type { ExecResult } from "./types.ts";

type Files = Map<string, MemoryFile>;
type Answer = Partial<ExecResult>;

/** What systemd has read of each unit, which is not what the file says now. */
const loaded = new WeakMap<Files, Map<string, string | null>>();

const units = "/etc/systemd/system";

/** systemctl(1), as far as unit files go. */
export function systemctl(files: Files, [verb = "", ...rest]: readonly string[]): Answer {
  const unit = rest.at(-1) ?? "";
  const file = `${units}/${unit}`;
  const text = files.get(file)?.content ?? null;
  if (verb === "daemon-reload") {
    const known = [...files].filter(([path]) => path.startsWith(`${units}/`));
    loaded.set(files, new Map(known.map(([path, { content }]) => [path, content])));
    return {};
  }
  if (verb === "show") {
    const known = loaded.get(files)?.get(file) ?? null;
    const stale = known !== text;
    return {
      stdout: `LoadState=${text === null ? "not-found" : "loaded"}\nNeedDaemonReload=${stale ? "yes" : "no"}\n`,
    };
  }
  if (verb !== "enable" && verb !== "disable") return { exitCode: 1, stderr: `Unknown command verb ${verb}.\n` };
  if (text === null) return { exitCode: 1, stderr: `Failed to ${verb} unit: Unit file ${unit} does not exist.\n` };
  const target = /^WantedBy=(\S+)$/m.exec(text)?.[1] ?? "";
  const link = `${units}/${target}.wants/${unit}`;
  if (verb === "enable") files.set(link, { content: file, kind: "link" });
  else files.delete(link);
  return {};
}

/** OpenRC's rc-update(8). */
export function rcUpdate(files: Files, [verb = "", name = "", level = ""]: readonly string[]): Answer {
  const link = `/etc/runlevels/${level}/${name}`;
  if (verb === "add") files.set(link, { content: `/etc/init.d/${name}`, kind: "link" });
  else files.delete(link);
  return {};
}

/** groupadd(8), busybox addgroup, pw(8): a line more in group(5). */
export function addGroup(files: Files, args: readonly string[]): Answer {
  const name = named(args);
  if (lines(files, "/etc/group").some((line) => line.startsWith(`${name}:`)))
    return { exitCode: 9, stderr: `group '${name}' already exists\n` };
  return append(files, "/etc/group", `${name}:x:${valueOf(args, "-g") ?? "998"}:`);
}

/** useradd(8), busybox adduser, pw(8): a line more in passwd(5). */
export function addUser(files: Files, args: readonly string[]): Answer {
  const name = named(args);
  const group = valueOf(args, "--gid") ?? valueOf(args, "-G") ?? valueOf(args, "-g") ?? name;
  const gid = lines(files, "/etc/group")
    .find((line) => line.startsWith(`${group}:`))
    ?.split(":")[2];
  if (gid === undefined) return { exitCode: 6, stderr: `group '${group}' does not exist\n` };
  const comment = valueOf(args, "--comment") ?? valueOf(args, "-c") ?? valueOf(args, "-g") ?? "";
  const home = valueOf(args, "--home-dir") ?? valueOf(args, "-h") ?? valueOf(args, "-d") ?? "/";
  const shell = valueOf(args, "--shell") ?? valueOf(args, "-s") ?? "/bin/sh";
  return append(files, "/etc/passwd", `${name}:x:${valueOf(args, "-u") ?? "998"}:${gid}:${comment}:${home}:${shell}`);
}

/** userdel(8) and groupdel(8) and their like. */
export function removeLine(files: Files, path: string, args: readonly string[]): Answer {
  const name = named(args);
  const rest = lines(files, path).filter((line) => !line.startsWith(`${name}:`));
  files.set(path, { ...files.get(path), content: rest.map((line) => `${line}\n`).join("") });
  return {};
}

/** FreeBSD's pw(8). */
export function pw(files: Files, [verb = "", ...args]: readonly string[]): Answer {
  if (verb === "groupadd") return addGroup(files, args);
  if (verb === "useradd") return addUser(files, args);
  return removeLine(files, verb === "userdel" ? "/etc/passwd" : "/etc/group", args);
}

function named(args: readonly string[]): string {
  return (
    valueOf(args, "-n") ?? args.filter((arg, index) => index === args.length - 1 || !arg.startsWith("-")).at(-1) ?? ""
  );
}

function valueOf(args: readonly string[], option: string): string | undefined {
  const index = args.indexOf(option);
  return index === -1 ? undefined : args[index + 1];
}

function lines(files: Files, path: string): readonly string[] {
  return (files.get(path)?.content ?? "").split("\n").filter((line) => line !== "");
}

function append(files: Files, path: string, line: string): Answer {
  files.set(path, { ...files.get(path), content: `${files.get(path)?.content ?? ""}${line}\n` });
  return {};
}
