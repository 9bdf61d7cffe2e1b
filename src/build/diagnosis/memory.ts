import { readFile } from "node:fs/promises";
import type { Circumstances, Diagnosis, Found, Rule } from "./types.ts";

export const memoryRules: readonly Rule[] = [
  {
    id: "out-of-memory",
    pattern:
      /Cannot allocate memory|virtual memory exhausted|memory allocation of \d+ bytes failed|out of memory allocating \d+ bytes|^MemoryError\b|^Out of memory!$/,
    summary: "a program asked for more memory than it may have",
    hint: "build with fewer jobs (--jobs 1), or raise the limit (ulimit -v) or the machine's memory",
  },
  {
    // gcc of its own part, make of its command, a shell of its, cargo of rustc
    id: "killed",
    pattern:
      /Killed signal terminated program (?<name>\S+)|^\S*make(?:\[\d+\])?: \*\*\* \[.*\] Killed$|^(?:\S*sh: line \d+: +\d+ )?Killed(?:$| {2,})|\(signal: 9, SIGKILL(?:: kill)?\)/,
    summary: "",
    hint: "",
    tell: ({ match, circumstances }: Found) => killed(match.groups?.["name"], circumstances),
  },
];

/** A program that nothing is said about and that ended as after SIGKILL. */
export function killedBySignal(circumstances: Circumstances): Diagnosis | null {
  if (circumstances.exitCode !== 137) return null;
  return { rule: "killed", code: "build-failed", ...killed(undefined, circumstances), line: "" };
}

/** Who kills is told apart by the kernel's own count alone; where it does not tell, neither do we. */
function killed(
  name: string | undefined,
  { endedForMemory }: Circumstances,
): { readonly summary: string; readonly hint: string } {
  const who = name === undefined ? "a program" : name;
  if (endedForMemory === null)
    return {
      summary: `${who} was killed (SIGKILL), by whom cannot be told here`,
      hint: "see in the system's log (dmesg) whether memory ran out; if so, build with fewer jobs: --jobs 1",
    };
  if (endedForMemory === 0)
    return {
      summary: `${who} was killed (SIGKILL), and not by the kernel for want of memory: it counts no such ending since the build began`,
      hint: "see what else ends programs here (a time limit, a service manager, a person), then run the command again",
    };
  return {
    summary: `${who} was killed: the kernel has ended ${endedForMemory === 1 ? "a process" : `${endedForMemory} processes`} for want of memory since the build began`,
    hint: "build with fewer jobs (--jobs 1), or give the machine more memory or swap",
  };
}

/**
 * How many processes the kernel has ended for want of memory since it started, in control groups too (`oom_kill` of /proc/vmstat, Linux 4.13).
 * Null where it does not tell.
 */
export async function endingsForMemory(): Promise<number | null> {
  const text = await readFile("/proc/vmstat", "utf8").catch(() => "");
  const count = /^oom_kill (\d+)$/m.exec(text)?.[1];
  return count === undefined ? null : Number(count);
}
