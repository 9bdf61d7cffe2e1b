/** The server processes of a prefix beside the one that serves: the trial that is to be graded, and the one that stands by. */
import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../errors.ts";
import { ask, processStart, serverPaths } from "./light.ts";
import { portInUse } from "./ports.ts";
import { refusal } from "./refusal.ts";
import type { ServerStatus } from "./types.ts";

const takeOverSeconds = 15;
const endSeconds = 15;

/** Who can take over: the trial, or the one that stands by. */
export type Candidate = "trial" | "standby";

/** What a candidate says of itself; null when there is none that answers. */
export async function candidate(prefix: string, which: Candidate): Promise<ServerStatus | null> {
  const answer = await ask(serverPaths(prefix)[which], { command: "status" }, 3);
  return "ok" in answer && answer.ok ? (answer.status ?? null) : null;
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
  if (answer.ok && answer.status !== undefined) return answer.status;
  const { error } = answer;
  if (error?.code === "port-in-use") throw await portInUse(error.listen ?? `port:${error.port ?? 0}`);
  throw refusal(error ?? { code: "unknown", message: "it does not say why" }, "What serves stays");
}

/** Ends a candidate and waits until it is gone. Nothing happens when there is none. Throws `server-failed` when it does not end. */
export async function endCandidate(prefix: string, which: Candidate): Promise<void> {
  const there = await candidate(prefix, which);
  if (there === null) return;
  const start = processStart(there.pid);
  await ask(serverPaths(prefix)[which], { command: "stop" }, 5);
  const deadline = Date.now() + endSeconds * 1000;
  while (Date.now() < deadline) {
    if (start === null || processStart(there.pid) !== start) return;
    await sleep(20);
  }
  throw new ForgeError("server-failed", `process ${there.pid} (${which}) was asked to stop and still runs`, {
    hint: `end it with: kill ${there.pid}`,
  });
}
