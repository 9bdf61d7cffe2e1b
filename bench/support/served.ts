/** The server of a prefix, as `tlsforge status` tells it. */
import { readFileSync } from "node:fs";
import { ForgeError } from "../../src/errors.ts";
import { measure } from "./measure.ts";
import { tlsforge } from "./program.ts";

export interface Served {
  /** `ADDRESS:PORT` to connect to. */
  readonly target: string;
  /** The first name of its certificate. */
  readonly serverName: string;
  readonly pids: readonly number[];
}

/** Throws ForgeError `not-serving` when no server of the prefix runs. */
export async function serverOf(prefix: string, signal: AbortSignal): Promise<Served> {
  const { exitCode, stdout } = await measure({ argv: tlsforge("status", "--json", "--prefix", prefix) }, { signal });
  const { server } = JSON.parse(stdout) as {
    server?: {
      pid: number;
      workers: readonly number[];
      listen: readonly string[];
      certificates: readonly { names: readonly string[] }[];
    } | null;
  };
  const listen = server?.listen[0];
  if (exitCode !== 0 || listen === undefined) {
    throw new ForgeError("not-serving", `no server of ${prefix} runs`, {
      hint: "npm start, or tlsforge launch, first",
    });
  }
  const target = listen.replace(/^0\.0\.0\.0:/, "127.0.0.1:").replace(/^\[::\]:/, "[::1]:");
  const pids = [...new Set([server?.pid ?? 0, ...(server?.workers ?? [])])];
  return { target, serverName: server?.certificates[0]?.names[0] ?? "localhost", pids };
}

/** CPU seconds that processes have used so far (Linux: `/proc/PID/stat`, in ticks of 10 ms). */
export function cpuSecondsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return sum + (Number(fields[11]) + Number(fields[12])) / 100;
  }, 0);
}
