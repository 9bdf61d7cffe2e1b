/** The commands that tlsforge changes a host with, on a machine in memory: what they do to files, and nothing else. */
import { addGroup, addUser, pw, rcUpdate, removeLine, systemctl } from "./memory-services.ts";
import type { MemoryFile } from "./memory.ts";
import type { ExecOptions, ExecResult } from "./types.ts";

type Files = Map<string, MemoryFile>;
type Builtin = (files: Files, args: readonly string[], options: ExecOptions) => Partial<ExecResult>;

/** Runs a command by its name; 127 for one that this machine has not. */
export function runBuiltin(files: Files, argv: readonly string[], options: ExecOptions): Partial<ExecResult> {
  const [path = "", ...args] = argv;
  const builtin = builtins[path.split("/").at(-1) ?? path];
  return builtin === undefined
    ? { exitCode: 127, stderr: `${path}: command not found\n` }
    : builtin(files, args, options);
}

const builtins: Readonly<Record<string, Builtin>> = {
  mktemp: () => ({ stdout: "/tmp/scratch\n" }),
  sync: () => ({}),
  tee: (files, [path = ""], { input = "" }) => set(files, path, { ...files.get(path), content: input }),
  chmod: (files, [mode = "0", path = ""]) =>
    change(files, path, {
      mode: mode === "a-x" ? (files.get(path)?.mode ?? 0o644) & 0o666 : Number.parseInt(mode, 8),
    }),
  chown: (files, args) => ownership(files, args),
  mkdir: (files, args) => set(files, args.at(-1) ?? "", { content: null, mode: 0o755 }),
  mv: (files, args) => move(files, args),
  cp: (files, args) => copy(files, args),
  ln: (files, args) => set(files, args.at(-1) ?? "", { content: args.at(-2) ?? "", kind: "link" }),
  rm: (files, args) => remove(files, args),
  rmdir: (files, args) => remove(files, args),
  cmp: (files, args) => compare(files, args),
  setcap: (files, [text = "", path = ""]) => change(files, path, { capabilities: text.replace("+ep", "=ep") }),
  getcap: (files, [path = ""]) => ({
    stdout: files.get(path)?.capabilities === undefined ? "" : `${path} ${files.get(path)?.capabilities ?? ""}\n`,
  }),
  sysctl: (files, args) => sysctl(files, args),
  systemctl,
  "rc-update": rcUpdate,
  groupadd: addGroup,
  addgroup: addGroup,
  useradd: addUser,
  adduser: addUser,
  userdel: (files, args) => removeLine(files, "/etc/passwd", args),
  deluser: (files, args) => removeLine(files, "/etc/passwd", args),
  groupdel: (files, args) => removeLine(files, "/etc/group", args),
  delgroup: (files, args) => removeLine(files, "/etc/group", args),
  pw,
  kldload: () => ({}),
  kldunload: () => ({}),
  ldconfig: (files, args) => (args.includes("-p") ? { stdout: files.get("/etc/ld.so.cache")?.content ?? "" } : {}),
};

function set(files: Files, path: string, file: MemoryFile): Partial<ExecResult> {
  files.set(path, file);
  return {};
}

function change(files: Files, path: string, part: Partial<MemoryFile>): Partial<ExecResult> {
  const file = files.get(path);
  return file === undefined ? missing(path) : set(files, path, { ...file, ...part });
}

/** As on Linux, a change of ownership drops file capabilities. */
function ownership(files: Files, [owner = "", path = ""]: readonly string[]): Partial<ExecResult> {
  const file = files.get(path);
  if (file === undefined) return missing(path);
  const { capabilities: _, ...rest } = file;
  return set(files, path, {
    ...rest,
    uid: owner.startsWith("root") ? 0 : 1000,
    gid: owner.endsWith(":root") ? 0 : 1000,
  });
}

function move(files: Files, args: readonly string[]): Partial<ExecResult> {
  const [from = "", to = ""] = args.slice(-2);
  const file = files.get(from);
  if (file === undefined) return missing(from);
  files.delete(from);
  return set(files, to, file);
}

/** As `cp` does, without the capabilities of the file. */
function copy(files: Files, args: readonly string[]): Partial<ExecResult> {
  const [from = "", to = ""] = args.slice(-2);
  const file = files.get(from);
  return file === undefined
    ? missing(from)
    : set(files, to, { content: file.content, ...(file.mode === undefined ? {} : { mode: file.mode }) });
}

function remove(files: Files, args: readonly string[]): Partial<ExecResult> {
  for (const path of args.filter((argument) => argument.startsWith("/"))) {
    for (const below of [...files.keys()].filter((key) => key === path || key.startsWith(`${path}/`)))
      files.delete(below);
  }
  return {};
}

function compare(files: Files, args: readonly string[]): Partial<ExecResult> {
  const [a = "", b = ""] = args.slice(-2);
  const [first, second] = [files.get(a), files.get(b)];
  if (first === undefined || second === undefined) return { exitCode: 2 };
  return { exitCode: first.content === second.content ? 0 : 1 };
}

/** Live values are below /proc/sys; on FreeBSD too, in memory. */
function sysctl(files: Files, args: readonly string[]): Partial<ExecResult> {
  const [key = "", value] = (args.at(-1) ?? "").split("=");
  const path = `/proc/sys/${key.replaceAll(".", "/")}`;
  const file = files.get(path);
  if (file === undefined) return { exitCode: 255, stderr: `sysctl: cannot stat ${path}: No such file or directory\n` };
  if (value === undefined) return { stdout: file.content ?? "" };
  return set(files, path, { ...file, content: `${value}\n` });
}

function missing(path: string): Partial<ExecResult> {
  return { exitCode: 1, stderr: `${path}: No such file or directory\n` };
}
