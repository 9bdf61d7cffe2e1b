import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../errors.ts";
import { ask, livingPid, processStart, serverPaths, status } from "./light.ts";
import type { ControlAnswer } from "./light.ts";
import type { ServerStatus } from "./types.ts";

/** Longer than the server's own drain deadline of 5 s. */
const stopSeconds = 15;
const reloadSeconds = 30;

/**
 * Stops a prefix's server and waits until it is gone. `not-serving` when there was none.
 * Throws ForgeError `server-failed` when it cannot be asked or does not end.
 */
export async function stop(prefix: string): Promise<"stopped" | "not-serving"> {
  const before = await status(prefix);
  if (before.state === "not-serving") return "not-serving";
  const paths = serverPaths(prefix);
  if (before.state === "unknown") throw unreachable(before.reason, livingPid(paths.pid));
  const answer = await ask(paths.control, "stop", 5);
  if (!("ok" in answer) || !answer.ok) throw unreachable(reasonOf(answer), before.status.pid);
  const { pid } = before.status;
  const start = processStart(pid);
  const deadline = Date.now() + stopSeconds * 1000;
  while (Date.now() < deadline) {
    await sleep(20);
    const ended = start === null || processStart(pid) !== start;
    if (ended && (await status(prefix)).state === "not-serving") return "stopped";
  }
  throw unreachable(`process ${pid} was asked to stop and still runs after ${stopSeconds} s`, pid);
}

/**
 * Makes a prefix's server read its configuration and certificates again; connections and listeners stay.
 * Throws ForgeError `not-serving`, `certificate-failed` (a new pair is not right, the old one stays) or `server-failed`.
 */
export async function reload(prefix: string): Promise<ServerStatus> {
  const before = await status(prefix);
  if (before.state === "not-serving") {
    throw new ForgeError("not-serving", `No server of ${prefix} runs`, { hint: "start it with: tlsforge launch" });
  }
  const paths = serverPaths(prefix);
  if (before.state === "unknown") throw unreachable(before.reason, livingPid(paths.pid));
  const answer = await ask(paths.control, "reload", reloadSeconds);
  if ("ok" in answer && answer.ok && answer.status !== undefined) return answer.status;
  if ("ok" in answer && answer.error !== undefined) throw refusal(answer.error, "The server keeps what it had");
  throw unreachable(reasonOf(answer), before.status.pid);
}

/** An error that the server told as JSON, as the one a user meets. */
export function refusal(error: NonNullable<ControlAnswer["error"]>, what: string): ForgeError {
  const code = error.code === "certificate-refused" ? "certificate-failed" : "server-failed";
  const usual =
    code === "certificate-failed" ? "mend the certificate and its key, then run the same command again" : undefined;
  const hint = error.hint ?? usual;
  return new ForgeError(code, `${what}: ${error.message}`, hint === undefined ? {} : { hint });
}

function unreachable(reason: string, pid: number | null): ForgeError {
  const hint = pid === null ? "look for the process that holds it" : `end it with: kill ${pid}`;
  return new ForgeError("server-failed", `The server cannot be asked: ${reason}`, { hint });
}

function reasonOf(answer: object): string {
  return "reason" in answer ? String(answer.reason) : "its control socket answers something else than was asked";
}
