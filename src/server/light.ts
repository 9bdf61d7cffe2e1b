/** What the quick path needs to know of a server. Loads nothing but Node's own modules. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Bundle, ServerConfig, ServerState, ServerStatus } from "./types.ts";

/** What a server refuses with: `errors.py`. */
export interface ToldError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly listen?: string;
  readonly port?: number;
}

/** An answer of the control socket (`recipes/hardened-server`, control.py). */
export interface ControlAnswer {
  readonly ok: boolean;
  readonly status?: ServerStatus;
  readonly error?: ToldError;
}

/** Nobody answered: `absent` means that nothing listens there, the rest that it cannot be told. */
export interface ControlFailure {
  readonly absent: boolean;
  readonly reason: string;
}

/** Where a prefix keeps what belongs to its server. */
export interface ServerPaths {
  /** The current generation's configuration: what a service manager starts. */
  readonly config: string;
  /** Control sockets and pid files, one of each for each role. Under systemd a link to a folder below /run. */
  readonly run: string;
  readonly control: string;
  readonly pid: string;
  readonly trial: string;
  readonly standby: string;
  readonly log: string;
  readonly tls: string;
  /** Of the current generation: links to what a service manager hands over as credentials. */
  readonly credentials: string;
}

export function serverPaths(prefix: string): ServerPaths {
  const at = (name: string): string => join(prefix, "var", name);
  return {
    config: join(prefix, "current", "server.json"),
    run: at("run"),
    control: at("run/server.sock"),
    pid: at("run/server.pid"),
    trial: at("run/trial.sock"),
    standby: at("run/standby.sock"),
    log: at("server.log"),
    tls: at("tls"),
    credentials: join(prefix, "current", "credentials"),
  };
}

/** Whether the server of a prefix serves, asked of the server itself. Never throws. */
export async function status(prefix: string, timeoutSeconds = 3): Promise<ServerState> {
  const paths = serverPaths(prefix);
  const answer = await ask(paths.control, { command: "status" }, timeoutSeconds);
  if (!("ok" in answer)) {
    if (!answer.absent) return { state: "unknown", reason: answer.reason };
    const pid = livingPid(paths.pid);
    if (pid === null) return { state: "not-serving" };
    return { state: "unknown", reason: `process ${pid} of ${paths.pid} runs, but nothing answers at ${paths.control}` };
  }
  if (answer.ok && isStatus(answer.status)) return { state: "serving", status: answer.status };
  return { state: "unknown", reason: `${paths.control} answers something else than a status` };
}

/**
 * Whether a server serves what its certificates' files hold now, by SHA-256 of each chain's file (a new certificate means a new file text).
 * A file that cannot be read, and a server that does not tell what it read, count as no.
 */
export function servesFiles(
  status: Pick<ServerStatus, "certificates">,
  config: Pick<ServerConfig, "certificates">,
): boolean {
  const served = status.certificates.map((certificate) => certificate.chainSha256);
  const files = config.certificates.map(({ chain }) => {
    const bytes = readBytes(chain);
    return bytes === null ? null : createHash("sha256").update(bytes).digest("hex");
  });
  return served.length === files.length && files.every((digest, index) => digest !== null && digest === served[index]);
}

/** A command of the control socket, with what it needs. */
export interface ControlRequest {
  readonly command: "status" | "reload" | "stop" | "spawn" | "take-over";
  readonly program?: string;
  readonly bundle?: Bundle;
}

/** Sends one command and waits for its answer. Never throws. */
export function ask(
  path: string,
  request: ControlRequest,
  timeoutSeconds: number,
): Promise<ControlAnswer | ControlFailure> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(path);
    const end = (result: ControlAnswer | ControlFailure): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => {
      end({ absent: false, reason: `${path} does not answer within ${timeoutSeconds} s` });
    }, timeoutSeconds * 1000);
    socket.setEncoding("utf8");
    socket.on("connect", () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on("data", (chunk: string) => {
      text += chunk;
      const line = text.indexOf("\n");
      if (line >= 0) end(parseAnswer(path, text.slice(0, line)));
      else if (text.length > 1 << 20) end({ absent: false, reason: `${path} answers without end` });
    });
    socket.on("end", () => end({ absent: false, reason: `${path} closes without an answer` }));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const absent = error.code === "ENOENT" || error.code === "ECONNREFUSED" || error.code === "ENOTDIR";
      end({ absent, reason: `${path}: ${error.message}` });
    });
  });
}

/**
 * The process that a pid file names, when it is still that process: number and start time agree (`pidfile.py`).
 * Null when it is gone, when its number belongs to another process now, or when this system has no /proc to tell by.
 */
export function livingPid(file: string): number | null {
  const [pid, start] = (readText(file) ?? "").split("\n");
  if (pid === undefined || start === undefined || !/^\d+$/.test(pid)) return null;
  const found = processStart(Number(pid));
  return found !== null && found === start ? Number(pid) : null;
}

/** When a process started, in the kernel's ticks since boot; null when it does not run (a zombie does not). */
export function processStart(pid: number): string | null {
  const text = readText(`/proc/${pid}/stat`);
  if (text === null) return null;
  // The second column, a program's name in parentheses, may hold anything.
  const columns = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return columns[0] === "Z" || columns[0] === "X" ? null : (columns[19] ?? null);
}

function parseAnswer(path: string, line: string): ControlAnswer | ControlFailure {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && "ok" in value && typeof value.ok === "boolean") {
      return value as ControlAnswer;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { absent: false, reason: `${path} answers something else than the server's JSON` };
}

function isStatus(value: unknown): value is ServerStatus {
  if (typeof value !== "object" || value === null) return false;
  const record = value as Record<string, unknown>;
  return (
    typeof record.pid === "number" &&
    typeof record.generation === "number" &&
    typeof record.configDigest === "string" &&
    Array.isArray(record.listen) &&
    Array.isArray(record.certificates)
  );
}

function readText(path: string): string | null {
  return readBytes(path)?.toString("utf8") ?? null;
}

function readBytes(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    // A process can end between the opening of its file and the reading of it (ESRCH).
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ESRCH" || code === "EACCES") return null;
    throw error;
  }
}
