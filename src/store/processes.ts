import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "./disk.ts";

/** What live processes use of a prefix. */
export interface Usage {
  /** Names below the prefix that are in use, `store/<name>` and `generations/<n>`, with one process each. */
  readonly used: ReadonlyMap<string, number>;
  /** Why more may be in use than `used` says; null when everything could be seen. */
  readonly unseen: string | null;
}

/** What one process shows. `hidden`: its memory map cannot be read by us. */
interface ProcessView {
  readonly pid: number;
  readonly hidden: boolean;
  readonly text: string;
}

/**
 * What the processes of this machine use below a prefix: files in memory, the program itself, the working folder, paths on the
 * command line. A process that hides its memory (of another user; with raised privileges) is judged by its command line, which
 * everybody may read; when that names the prefix but not what it uses, or is empty, all is counted as in use. Where the system
 * has no Linux /proc, nothing can be seen. Processes in containers that are not below ours cannot be seen either.
 */
export async function usageOf(prefix: string): Promise<Usage> {
  const pids = await processNumbers();
  if (pids === null) return { used: new Map(), unseen: "this system does not show what its processes use" };
  const roots = [...new Set([prefix, await realpath(prefix)])];
  const used = new Map<string, number>();
  let unseen: string | null = null;
  for (const pid of pids) {
    const view = await viewOf(pid);
    if (view === null) continue;
    const names = namesIn(view.text, roots);
    for (const name of names) used.set(name, pid);
    if (!view.hidden || names.length > 0) continue;
    if (view.text.trim() === "" || roots.some((root) => view.text.includes(`${root}/`))) {
      unseen = `process ${pid} may use it and does not let us look`;
    }
  }
  return { used, unseen };
}

function namesIn(text: string, roots: readonly string[]): string[] {
  return roots.flatMap((root) =>
    text.includes(root)
      ? text
          .split(`${root}/`)
          .slice(1)
          .flatMap((rest) => /^(?:store|generations)\/[A-Za-z0-9][A-Za-z0-9._+~-]*/u.exec(rest)?.[0] ?? [])
      : [],
  );
}

/** null for a process that has ended or is part of the kernel. */
async function viewOf(pid: number): Promise<ProcessView | null> {
  const folder = `/proc/${pid}`;
  const stat = await look(() => readFile(`${folder}/stat`, "utf8"));
  if (stat === null || stat === hiddenMark || isKernelOrZombie(stat)) return null;
  const parts = await Promise.all([
    look(() => readFile(`${folder}/maps`, "utf8")),
    look(() => readlink(`${folder}/exe`)),
    look(() => readlink(`${folder}/cwd`)),
    look(() => readFile(`${folder}/cmdline`, "utf8")),
  ]);
  const text = parts.filter((part) => typeof part === "string").join("\n");
  return { pid, hidden: parts.includes(hiddenMark), text: text.replaceAll("\0", "\n") };
}

/** Stands for what may not be read. */
const hiddenMark = Symbol("hidden");

/** null when the process has ended meanwhile. */
async function look(read: () => Promise<string>): Promise<string | typeof hiddenMark | null> {
  try {
    return await read();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return null;
    if (hasCode(error, "EACCES", "EPERM")) return hiddenMark;
    throw error;
  }
}

/** proc(5): after the name come the state and, seventh, the flags; PF_KTHREAD marks the kernel's own. */
function isKernelOrZombie(stat: string): boolean {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" || (Number(fields[6]) & 0x00200000) !== 0;
}

/** null where there is no Linux /proc. */
async function processNumbers(): Promise<number[] | null> {
  try {
    await readFile("/proc/self/maps");
    return (await readdir("/proc")).filter((name) => /^\d+$/u.test(name)).map(Number);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return null;
    throw error;
  }
}

/** The variable that marks every program of a build with the output it is for. */
export const outputVariable = "TLSFORGE_OUT";

/**
 * Kills what an interrupted build of this output left running (a kill -9 reaches only the parent), so that it does not go on
 * writing into the next try. Only for the holder of the output's lock. Knows them by `TLSFORGE_OUT` in their environment; spares
 * this process and those it was started by (a shell in a failed build's environment).
 */
export async function endOrphans(out: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const pids = await orphansOf(out);
    if (pids.length === 0) return;
    const { execa } = await import("execa");
    await execa("kill", ["-9", ...pids.map(String)], { reject: false, stdin: "ignore" });
    await sleep(20);
  }
  throw new Error(`programs of an interrupted build of ${out} do not end`);
}

async function orphansOf(out: string): Promise<readonly number[]> {
  return (await markedPrograms()).get(out) ?? [];
}

/** Numbers of living programs of builds, by the output that they are marked with; without this process and those it was started by. */
export async function markedPrograms(): Promise<ReadonlyMap<string, readonly number[]>> {
  const spared = await ownLine();
  const found = new Map<string, number[]>();
  for (const pid of (await processNumbers()) ?? []) {
    if (spared.has(pid)) continue;
    const environment = await look(() => readFile(join("/proc", String(pid), "environ"), "utf8"));
    if (typeof environment !== "string") continue;
    const mark = environment.split("\0").find((entry) => entry.startsWith(`${outputVariable}=`));
    if (mark === undefined) continue;
    const out = mark.slice(outputVariable.length + 1);
    found.set(out, [...(found.get(out) ?? []), pid]);
  }
  return found;
}

/** This process, its parent, and so on. */
async function ownLine(): Promise<Set<number>> {
  const line = new Set<number>();
  let stat = await look(() => readFile("/proc/self/stat", "utf8"));
  while (typeof stat === "string") {
    line.add(Number.parseInt(stat, 10));
    const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
    stat = await look(() => readFile(`/proc/${parent}/stat`, "utf8"));
  }
  return line;
}
