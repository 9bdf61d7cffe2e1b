import { readFile, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

/** A TCP socket that listens, from a table of /proc/net. */
export interface Listener {
  readonly port: number;
  readonly inode: string;
  readonly uid: number;
}

/** Sockets that listen, from the text of /proc/net/tcp or tcp6 (state 0A; ports in hexadecimal). */
export function parseListeners(table: string): Listener[] {
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length > 9 && columns[3] === "0A")
    .map((columns) => ({
      port: Number.parseInt(columns[1]?.split(":")[1] ?? "", 16),
      uid: Number(columns[7]),
      inode: columns[9] ?? "",
    }));
}

/**
 * Who listens on a TCP port, for a message: the process and its program, or its user when the process is another user's.
 * Null where that cannot be told (no /proc). `proc` is the folder of the proc file system.
 */
export async function portOwner(port: number, proc = "/proc"): Promise<string | null> {
  const tables = await Promise.all(["net/tcp", "net/tcp6"].map((name) => readText(join(proc, name))));
  const listeners = tables.flatMap((table) => parseListeners(table ?? "")).filter((each) => each.port === port);
  const first = listeners[0];
  if (first === undefined) return null;
  const process = await findProcess(new Set(listeners.map(({ inode }) => `socket:[${inode}]`)), proc);
  return process ?? `a process of the user with id ${first.uid}`;
}

async function findProcess(sockets: ReadonlySet<string>, proc: string): Promise<string | null> {
  for (const pid of (await list(proc)).filter((name) => /^\d+$/.test(name))) {
    for (const fd of await list(join(proc, pid, "fd"))) {
      const target = await readlink(join(proc, pid, "fd", fd)).catch(() => "");
      if (sockets.has(target)) return `process ${pid} (${await programOf(pid, proc)})`;
    }
  }
  return null;
}

/** The program with its arguments, as far as one line of a message has room. */
async function programOf(pid: string, proc: string): Promise<string> {
  const line = ((await readText(join(proc, pid, "cmdline"))) ?? "").split("\0").join(" ").trim();
  const text = line === "" ? ((await readText(join(proc, pid, "comm"))) ?? "unknown").trim() : line;
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** Processes come and go and belong to others: what cannot be read is not there. */
async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function readText(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch(() => null);
}
