import { lstat, readdir, readFile, readlink, realpath } from "node:fs/promises";
import { kill } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "./disk.ts";
import { prefixPaths } from "./paths.ts";

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
    if (hasCode(error, "ENOENT", "ENOTDIR", "ESRCH")) return null;
    if (hasCode(error, "EACCES", "EPERM")) return hiddenMark;
    throw error;
  }
}

/** proc(5): after the name come the state and, seventh, the flags; PF_KTHREAD marks the kernel's own. */
function isKernelOrZombie(stat: string): boolean {
  const fields = fieldsOf(stat);
  return fields[0] === "Z" || fields[0] === "X" || (Number(fields[6]) & 0x00200000) !== 0;
}

/** The fields of /proc/PID/stat after the name, from the third on (proc(5)). */
function fieldsOf(stat: string): readonly string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
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
 * Kills what an interrupted build of this output of the prefix left running (a kill -9 reaches only the parent), so that it does not go on
 * writing into the next try. Only for the holder of the output's lock. Knows them by `TLSFORGE_OUT` in their environment, where the prefix
 * is ours; spares this process and those it was started by (a shell in a failed build's environment).
 */
export async function endOrphans(out: string, prefix: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const orphans = (await programsIn(prefix)).filter((program) => program.out === out);
    if (orphans.length === 0) return;
    for (const orphan of orphans) await endProgram(orphan, prefix);
    await sleep(20);
  }
  throw new Error(`programs of an interrupted build of ${out} do not end`);
}

/** Numbers of living programs of the prefix's builds, by the output that they are marked with; without this process and those it was started by. */
export async function markedPrograms(prefix: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const found = new Map<string, number[]>();
  for (const { pid, out } of await programsIn(prefix)) found.set(out, [...(found.get(out) ?? []), pid]);
  return found;
}

/** A living program of a build. `start` (ticks since boot) tells it from a later one with its number. */
interface Program {
  readonly pid: number;
  readonly start: string;
  readonly out: string;
}

async function programsIn(prefix: string): Promise<readonly Program[]> {
  const store = await storeOf(prefix);
  if (store === null) return [];
  const spared = await ownLine();
  const found: Program[] = [];
  for (const pid of (await processNumbers()) ?? []) {
    const program = spared.has(pid) ? null : await programAt(pid, store);
    if (program !== null) found.push(program);
  }
  return found;
}

/** Kills a program that `programsIn` has found, looking again directly before: its number may be another's by now. */
export async function endProgram({ pid, start, out }: Program, prefix: string): Promise<void> {
  const store = await storeOf(prefix);
  const now = store === null ? null : await programAt(pid, store);
  if (now?.start !== start || now.out !== out) return;
  try {
    kill(pid, "SIGKILL");
  } catch (error) {
    if (!hasCode(error, "ESRCH", "EPERM")) throw error;
  }
}

/** The folder of outputs: its real path, and its device and number. */
interface Folder {
  readonly path: string;
  readonly identity: string;
}

/** null when it is not there. Of a prefix's folders it is the one that every sealed build sees. */
async function storeOf(prefix: string): Promise<Folder | null> {
  // Without links: those with an absolute target would lead from another process's root into ours.
  const path = await look(() => realpath(prefixPaths(prefix).store));
  const identity = typeof path === "string" ? await identityAt(path) : null;
  return typeof path === "string" && typeof identity === "string" ? { path, identity } : null;
}

/**
 * The program of a build with this number; null for every other process. The mark is a path, which means another prefix in a container, so
 * the process must find this very folder there.
 */
async function programAt(pid: number, store: Folder): Promise<Program | null> {
  const folder = `/proc/${pid}`;
  const stat = await look(() => readFile(`${folder}/stat`, "utf8"));
  const environment = await look(() => readFile(`${folder}/environ`, "utf8"));
  if (typeof stat !== "string" || typeof environment !== "string") return null;
  const mark = environment.split("\0").find((entry) => entry.startsWith(`${outputVariable}=`));
  if (mark === undefined || (await identityAt(`${folder}/root${store.path}`)) !== store.identity) return null;
  return { pid, start: fieldsOf(stat)[19] ?? "", out: mark.slice(outputVariable.length + 1) };
}

async function identityAt(path: string): Promise<string | typeof hiddenMark | null> {
  return look(async () => {
    const { dev, ino } = await lstat(path, { bigint: true });
    return `${dev} ${ino}`;
  });
}

/** This process, its parent, and so on. */
async function ownLine(): Promise<Set<number>> {
  const line = new Set<number>();
  let stat = await look(() => readFile("/proc/self/stat", "utf8"));
  while (typeof stat === "string") {
    line.add(Number.parseInt(stat, 10));
    const parent = fieldsOf(stat)[1];
    stat = await look(() => readFile(`/proc/${parent}/stat`, "utf8"));
  }
  return line;
}
