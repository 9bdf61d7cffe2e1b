import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../errors.ts";
import { ask, isStatus, livingPid, processStart, serverPaths, status } from "./light.ts";
import { refusal } from "./refusal.ts";
import { endCandidate, endSeconds } from "./roles.ts";
import type { Bundle, ServerStatus, Supervisor } from "./types.ts";

const reloadSeconds = 30;

/**
 * Stops a prefix's server, whoever stands by first, and waits until they are gone; `supervisor` is who started it, when it was not we.
 * `not-serving` when there was none. Throws ForgeError `server-failed` when it cannot be asked or does not end.
 */
export async function stop(prefix: string, supervisor: Supervisor | null = null): Promise<"stopped" | "not-serving"> {
  // What does not end by itself may do so with the service.
  await endCandidates(prefix).catch((error: unknown) => {
    if (supervisor === null) throw error;
  });
  const before = await status(prefix);
  if (before.state === "not-serving") {
    // Its sockets may be open all the same, and a client would start it again.
    await supervisor?.stop();
    await endCandidates(prefix);
    return "not-serving";
  }
  const paths = serverPaths(prefix);
  const pid = before.state === "serving" ? before.status.pid : livingPid(paths.pid);
  if (supervisor === null) {
    if (before.state === "unknown") throw unreachable(before.reason, pid);
    const answer = await ask(paths.control, { command: "stop" }, 5);
    if (!("ok" in answer) || !answer.ok) throw unreachable(reasonOf(answer), pid);
  } else {
    await supervisor.stop();
  }
  await gone(prefix, pid, endSeconds(before.state === "serving" ? before.status : null));
  // One that was on its way may have come only now.
  await endCandidates(prefix);
  return "stopped";
}

async function endCandidates(prefix: string): Promise<void> {
  await endCandidate(prefix, "trial");
  await endCandidate(prefix, "standby");
}

async function gone(prefix: string, pid: number | null, seconds: number): Promise<void> {
  const start = pid === null ? null : processStart(pid);
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    const ended = pid === null || start === null || processStart(pid) !== start;
    if (ended && (await status(prefix)).state === "not-serving") return;
    await sleep(20);
  }
  throw unreachable(`process ${pid ?? "?"} was asked to stop and still runs after ${seconds} s`, pid);
}

/**
 * Gives a prefix's server a configuration and certificates; connections and listeners stay.
 * Throws ForgeError `not-serving`, `certificate-failed` (a new pair is not right, the old one stays) or `server-failed`.
 */
export async function reload(prefix: string, bundle: Bundle): Promise<ServerStatus> {
  const before = await status(prefix);
  if (before.state === "not-serving") {
    throw new ForgeError("not-serving", `No server of ${prefix} runs`, { hint: "start it with: tlsforge launch" });
  }
  const paths = serverPaths(prefix);
  if (before.state === "unknown") throw unreachable(before.reason, livingPid(paths.pid));
  // From here on it knows itself how its last reload went.
  await rm(paths.refused, { force: true });
  const answer = await ask(paths.control, { command: "reload", bundle }, reloadSeconds);
  if ("ok" in answer && answer.ok && isStatus(answer.status)) return answer.status;
  if ("ok" in answer && answer.error !== undefined) throw refusal(answer.error, "The server keeps what it had");
  throw unreachable(reasonOf(answer), before.status.pid);
}

function unreachable(reason: string, pid: number | null): ForgeError {
  const hint = pid === null ? "look for the process that holds it" : `end it with: kill ${pid}`;
  return new ForgeError("server-failed", `The server cannot be asked: ${reason}`, { hint });
}

function reasonOf(answer: object): string {
  return "reason" in answer ? String(answer.reason) : "its control socket answers something else than was asked";
}
