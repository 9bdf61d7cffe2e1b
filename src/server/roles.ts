/** The server processes of a prefix beside the one that serves: the trial that is to be graded, and the one that stands by. */
import { kill } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../errors.ts";
import { ask, isStatus, livingProcess, processStart, serverPaths, type LivingProcess } from "./light.ts";
import { portInUse } from "./ports.ts";
import { refusal } from "./refusal.ts";
import type { ServerStatus } from "./types.ts";

const takeOverSeconds = 15;
/** For one that does not answer, and then for what the kernel ends. */
const silentSeconds = 8;

/** Who can take over: the trial, or the one that stands by. */
export type Candidate = "trial" | "standby";

/** `silent`: something is there and does not say what it is; `living` is who, when its pid file tells. Not to be taken for absent. */
type CandidateState =
  | { readonly state: "absent" }
  | { readonly state: "answers"; readonly status: ServerStatus }
  | { readonly state: "silent"; readonly reason: string; readonly living: LivingProcess | null };

/** What a candidate says of itself; null when there is none that answers. */
export async function candidate(prefix: string, which: Candidate): Promise<ServerStatus | null> {
  const there = await lookAt(prefix, which);
  return there.state === "answers" ? there.status : null;
}

async function lookAt(prefix: string, which: Candidate): Promise<CandidateState> {
  const socket = serverPaths(prefix)[which];
  const answer = await ask(socket, { command: "status" }, 3);
  if ("ok" in answer && answer.ok && isStatus(answer.status)) return { state: "answers", status: answer.status };
  const living = processOf(prefix, which);
  if (!("ok" in answer) && answer.absent && living === null) return { state: "absent" };
  return { state: "silent", reason: "ok" in answer ? `${socket} answers no status` : answer.reason, living };
}

/** Who has a role by its pid file. Whoever serves has been a candidate, or was about to be one, and may have left such a file. */
function processOf(prefix: string, which: Candidate): LivingProcess | null {
  const paths = serverPaths(prefix);
  const found = livingProcess(which === "trial" ? paths.trialPid : paths.standbyPid);
  return found !== null && found.pid === livingProcess(paths.pid)?.pid ? null : found;
}

/**
 * Makes a candidate the one that serves; who served until then stands by. Both accept for a moment, so no connection is refused.
 * Throws ForgeError `not-serving` when there is no such candidate, `port-in-use` or `server-failed` when it refuses: then nothing has changed.
 */
export async function takeOver(prefix: string, which: Candidate): Promise<ServerStatus> {
  const answer = await ask(serverPaths(prefix)[which], { command: "take-over" }, takeOverSeconds);
  if (!("ok" in answer)) {
    throw new ForgeError(answer.absent ? "not-serving" : "server-failed", `nothing took over: ${answer.reason}`, {
      hint: "run tlsforge provision, which starts a server anew",
    });
  }
  if (answer.ok && isStatus(answer.status)) return answer.status;
  const { error } = answer;
  if (error?.code === "port-in-use") throw await portInUse(error.listen ?? `port:${error.port ?? 0}`);
  throw refusal(error ?? { code: "unknown", message: "it does not say why" }, "What serves stays");
}

/**
 * Ends a candidate and waits until it is gone: as asked, else, when it does not answer or does not end, by signal, as long as its pid file
 * names it. Nothing happens when there is none. Throws `server-failed` when something is still there then.
 */
export async function endCandidate(prefix: string, which: Candidate): Promise<void> {
  const there = await lookAt(prefix, which);
  if (there.state === "absent") return;
  const asked = there.state === "answers" ? told(there.status.pid) : there.living;
  const gone = async (): Promise<boolean> =>
    asked === null ? (await lookAt(prefix, which)).state === "absent" : !runs(asked);
  if (there.state === "answers") {
    await ask(serverPaths(prefix)[which], { command: "stop" }, 5);
    if (await within(endSeconds(there.status), gone)) return;
    // Without a process to signal it can only be waited for: one that is about to end does not answer either.
  } else if (asked === null && (await within(silentSeconds, gone))) return;
  const living = processOf(prefix, which);
  if (living !== null) {
    for (const signal of ["SIGTERM", "SIGKILL"] as const)
      if (!send(living, signal) || (await within(silentSeconds, async () => !runs(living)))) return;
  } else if (await gone()) return;
  const pid = living?.pid ?? asked?.pid;
  const why = there.state === "silent" ? there.reason : "it was asked to stop";
  throw new ForgeError(
    "server-failed",
    `${pid === undefined ? "a process" : `process ${pid}`} (${which}) still runs: ${why}`,
    {
      hint:
        pid === undefined ? `end the process that has ${serverPaths(prefix)[which]}` : `end it with: kill -KILL ${pid}`,
    },
  );
}

/** How long to wait for a server that was asked to stop: longer than it gives its connections. */
export function endSeconds(status: Pick<ServerStatus, "drainSeconds"> | null): number {
  return Math.ceil(status?.drainSeconds ?? 5) + 10;
}

function told(pid: number): LivingProcess | null {
  const start = processStart(pid);
  return start === null ? null : { pid, start };
}

function runs({ pid, start }: LivingProcess): boolean {
  return processStart(pid) === start;
}

/** Whether a process was there to get a signal. One that is not ours to end gets none, and goes on. */
function send(to: LivingProcess, signal: NodeJS.Signals): boolean {
  if (!runs(to)) return false;
  try {
    return kill(to.pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH") return false;
    if (code === "EPERM") return true;
    throw error;
  }
}

async function within(seconds: number, is: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    if (await is()) return true;
    await sleep(20);
  }
  return false;
}
