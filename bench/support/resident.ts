/** Peak resident memory of one process, read from the system while it runs. */
import { readdirSync, readFileSync } from "node:fs";

export interface ResidentWatch {
  /** The peak in MB (10^6 bytes) (`VmHWM`), and how often it was read. Null where the system does not tell. */
  readonly stop: () => { readonly peakMB: number; readonly samples: number } | null;
}

/**
 * Watches the only child of a shell, not that child's own children. The kernel's high-water mark never falls, so only growth in the last 50 ms before the
 * process ends can be missed.
 */
export function watchResident(shell: number): ResidentWatch {
  let child: number | null = null;
  let peakKiB = 0;
  let samples = 0;
  const look = (): void => {
    child ??= onlyChildOf(shell);
    const found = child === null ? null : highWater(child);
    if (found === null) return;
    peakKiB = Math.max(peakKiB, found);
    samples += 1;
  };
  const timer = setInterval(look, 50);
  return {
    stop: () => {
      clearInterval(timer);
      return samples === 0 ? null : { peakMB: Math.round((peakKiB * 1024) / 1e5) / 10, samples };
    },
  };
}

function highWater(process: number): number | null {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readIfThere(`/proc/${process}/status`));
  return found === null ? null : Number(found[1]);
}

function onlyChildOf(parent: number): number | null {
  const all = listIfThere("/proc").filter((name) => /^\d+$/.test(name));
  // The name in parentheses may hold anything, spaces too; the parent's id is the second field after it.
  const found = all.find((name) => readIfThere(`/proc/${name}/stat`).split(") ").at(-1)?.split(" ")[1] === `${parent}`);
  return found === undefined ? null : Number(found);
}

/** A process may end between two looks: then there is nothing to read. */
function readIfThere(file: string): string {
  return gone(() => readFileSync(file, "utf8"), "");
}

function listIfThere(folder: string): readonly string[] {
  return gone(() => readdirSync(folder), []);
}

function gone<T>(read: () => T, instead: T): T {
  try {
    return read();
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return instead;
    throw error;
  }
}
