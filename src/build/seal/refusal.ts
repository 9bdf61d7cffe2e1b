import { inside } from "../gates/contents.ts";
import type { SealFolders } from "./folders.ts";

/** What a seal has refused, in words, and what to do about it. */
export interface Refusal {
  readonly code: "build-failed";
  readonly summary: string;
  readonly hint: string;
}

/** What a command could not do. `network`: what is left of it; `declared`: its step asks for the network, which `--offline` took away. */
export interface SealedView extends SealFolders {
  readonly network: "closed" | "tcp" | "open";
  readonly declared: boolean;
}

const lastLines = 15;
const unreachable =
  /network is unreachable|ENETUNREACH|could not resolve host|temporary failure in name resolution|EAI_AGAIN|name or service not known|failed to lookup address|connection refused|ECONNREFUSED|failed to connect to|--offline was specified/iu;
const readOnly = /read-only file system|EROFS/iu;
const denied = /permission denied|EACCES|operation not permitted|EPERM/iu;
const missing = /no such file or directory|directory nonexistent|ENOENT/iu;
/** What a program says that changes the machine, by itself or as a shell's own. */
const machine =
  /^(?:\S+: \d+: )?(?:\S*\/)?(?:mount|umount|date|hwclock|kill|sysctl|insmod|modprobe|reboot): .*(?:operation not permitted|permission denied|must be superuser)/iu;

/** Looks at the last lines of a failed command, latest first. A line that has no sign of a refusal gives no guess. */
export function refusalIn(lines: readonly string[], view: SealedView): Refusal | null {
  for (const line of lines.slice(-lastLines).toReversed()) {
    const found = judge(line, view);
    if (found !== null) return found;
  }
  return null;
}

function judge(line: string, view: SealedView): Refusal | null {
  const said = line.trim().slice(0, 160);
  if (unreachable.test(line) && view.network !== "open") {
    return refused(
      `the network was refused: ${said}`,
      view.declared
        ? "the step needs the network, which --offline forbids: run it once without"
        : "builds are sealed and have no network: a step that needs it is declared in the recipe with `network: true`",
    );
  }
  if (machine.test(line)) {
    return refused(
      `a change of the machine was refused: ${said}`,
      "builds are sealed and may change nothing of the machine",
    );
  }
  const files = pathsIn(line);
  const concealed = files.find((file) => isConcealed(file, view));
  if (concealed !== undefined && (missing.test(line) || denied.test(line))) {
    return refused(
      `${concealed} is hidden from builds: ${said}`,
      "builds are sealed and see neither homes nor what services keep: give the build what it needs through its recipe",
    );
  }
  const outside = files.find((file) => !view.write.some((folder) => inside(file, folder)));
  if (readOnly.test(line) || (denied.test(line) && outside !== undefined)) {
    return refused(
      `a write outside of its own folders was refused: ${said}`,
      `builds are sealed and write only below ${view.write.join(", ")}`,
    );
  }
  return null;
}

function isConcealed(file: string, view: SealedView): boolean {
  const shown = [...view.read, ...view.write].some((folder) => inside(file, folder));
  return !shown && view.hide.some((folder) => inside(file, folder));
}

function pathsIn(line: string): readonly string[] {
  return [...line.matchAll(/(?:^|[\s'"`‘=(:])(\/[^\s'"`’:),]+)/gu)].map(([, file = ""]) => file);
}

function refused(summary: string, hint: string): Refusal {
  return { code: "build-failed", summary, hint };
}
