/** What the quick path needs to know of a server. Loads nothing but Node's own modules. */
import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, statSync } from "node:fs";
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
  readonly trialPid: string;
  readonly standby: string;
  readonly standbyPid: string;
  readonly log: string;
  /** Which process was not given a reload, and why (`keepRefusal`). */
  readonly refused: string;
  /** What outlives the server and is its own: OCSP responses, the access log. */
  readonly state: string;
  readonly tls: string;
  /** The same for servers that are only reproduced. */
  readonly rsa: string;
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
    trialPid: at("run/trial.pid"),
    standby: at("run/standby.sock"),
    standbyPid: at("run/standby.pid"),
    log: at("server.log"),
    refused: at("reload-refused"),
    state: at("state"),
    tls: at("tls"),
    rsa: at("tls/rsa"),
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
  if (answer.ok && isStatus(answer.status)) {
    const lastError = refusedReload(paths.refused, answer.status.pid) ?? answer.status.lastError;
    return { state: "serving", status: { ...answer.status, lastError } };
  }
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

/** Why a reload came to nothing before that process was asked, of which it does not know. */
function refusedReload(file: string, pid: number): string | null {
  const [who, ...why] = (readText(file) ?? "").trim().split("\n");
  return who === String(pid) ? plain(why.join(" ")) : null;
}

/** A process, told from a later one of the same number by when it started. */
export interface LivingProcess {
  readonly pid: number;
  readonly start: string;
}

/**
 * The process that a pid file names, when it is still that process: number and start time agree (`pidfile.py`), and it is of the user whose
 * the file is, who could name anybody. Null when it is gone, when its number belongs to another process now, or when this system has no
 * /proc to tell by.
 */
export function livingProcess(file: string): LivingProcess | null {
  const found = readPidFile(file);
  const [number = "", start = ""] = (found?.text ?? "").split("\n");
  if (found === null || !/^\d{1,10}$/.test(number)) return null;
  const pid = Number(number);
  if (processStart(pid) !== start || ownerOf(pid) !== found.uid) return null;
  return { pid, start };
}

/** The number of `livingProcess`. */
export function livingPid(file: string): number | null {
  return livingProcess(file)?.pid ?? null;
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
    const value: unknown = JSON.parse(line, (_, each: unknown) => (typeof each === "string" ? plain(each) : each));
    if (typeof value === "object" && value !== null && "ok" in value && typeof value.ok === "boolean") {
      return value as ControlAnswer;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { absent: false, reason: `${path} answers something else than the server's JSON` };
}

/** A text of a server's, without what would be a command to a terminal or turn round what follows. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, " ");
}

/** Whether it is a status, as far as we build on one. */
export function isStatus(value: unknown): value is ServerStatus {
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

const longestPidFile = 64;

/** A pid file's text and owner. Whoever has the run folder may have put anything in its place: then there is none. Never waits, follows no link. */
function readPidFile(path: string): { readonly text: string; readonly uid: number } | null {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ELOOP" || code === "ENXIO" || isAbsence(error)) return null;
    throw error;
  }
  try {
    const facts = fstatSync(descriptor);
    if (!facts.isFile() || facts.size > longestPidFile) return null;
    const bytes = Buffer.alloc(longestPidFile);
    return { text: bytes.toString("latin1", 0, readSync(descriptor, bytes)), uid: facts.uid };
  } finally {
    closeSync(descriptor);
  }
}

function ownerOf(pid: number): number | null {
  try {
    return statSync(`/proc/${pid}`).uid;
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

function readText(path: string): string | null {
  return readBytes(path)?.toString("utf8") ?? null;
}

function readBytes(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

function isAbsence(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  // A process can end between the opening of its file and the reading of it (ESRCH).
  return code === "ENOENT" || code === "ENOTDIR" || code === "ESRCH" || code === "EACCES";
}
