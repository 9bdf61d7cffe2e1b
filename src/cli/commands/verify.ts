import { access, constants, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { exitCodeFor, ForgeError } from "../../errors.ts";
import { serverPaths, status } from "../../server/light.ts";
import type { Report } from "../../grade/index.ts";
import type { Context } from "../context.ts";
import { readTextIfThere } from "../files.ts";
import { gradeProblem, locallyTrusted, look, reportText } from "../look.ts";
import { errorFields, type Result } from "../result.ts";

export interface VerifyRequest {
  /** `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`. */
  readonly target: string;
  readonly serverName?: string;
  /** PEM files with anchors to trust besides the system's. */
  readonly ca: readonly string[];
  readonly ignoreTrust: boolean;
  readonly minGrade: string | null;
  /** Where to write the report as HTML. */
  readonly html?: string;
}

/** Grades any TLS server. Exit 1 below `--min-grade`, 3 when it cannot be reached or the grade cannot be said. */
export async function verify(context: Context, request: VerifyRequest): Promise<Result> {
  const { host, port } = parseTarget(request.target);
  const { html } = request;
  if (html !== undefined) await refuseUnwritable(html);
  const ca = await Promise.all(request.ca.map(readAnchor));
  const authority = await ownAuthority(context, port);
  const report = await look(context, {
    host,
    port,
    ca,
    authority,
    ...(request.serverName === undefined ? {} : { serverName: request.serverName }),
  });
  const low = gradeProblem(report, {
    minGrade: request.minGrade,
    ignoreTrust: request.ignoreTrust || locallyTrusted(report),
  });
  const unwritten = html === undefined ? null : await writeHtml(html, report);
  if (low !== null && unwritten !== null) context.emit({ type: "warning", message: unwritten.message });
  const problem = low ?? unwritten;
  const text = await reportText(context, report, 100);
  if (problem === null) return { outcome: "done", exitCode: 0, fields: { report }, text };
  return {
    outcome: "failed",
    exitCode: exitCodeFor(problem),
    fields: { report, ...errorFields(problem) },
    text,
    error: problem,
  };
}

/** Splits `HOST[:PORT]`; port 443 unless told. An address with colons stands in brackets when a port follows. */
export function parseTarget(target: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]/\s]+)|([0-9a-fA-F]*:[0-9a-fA-F:.]+))(?::(\d{1,5}))?$/.exec(
    target.replace(/^https:\/\//, "").replace(/\/$/, ""),
  );
  const host = match?.[1] ?? match?.[2] ?? match?.[3];
  const port = Number(match?.[4] ?? 443);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new ForgeError("usage", `${JSON.stringify(target)} is no target`, {
      hint: "write HOST, HOST:PORT or [ADDRESS]:PORT",
    });
  }
  return { host, port };
}

/** A file that cannot be written is told before the look, which takes a while. */
async function refuseUnwritable(file: string): Promise<void> {
  const folder = path.dirname(file);
  const refuse = (reason: string, cause?: unknown): never => {
    throw new ForgeError("usage", `the file of --html cannot be written: ${file} (${reason})`, {
      cause,
      hint: "name a file in a folder that is there and that you may write to",
    });
  };
  await access(folder, constants.W_OK | constants.X_OK).catch((error: unknown) =>
    refuse((error as NodeJS.ErrnoException).code ?? "unknown", error),
  );
  if (!(await stat(folder)).isDirectory()) refuse(`${folder} is no folder`);
  const found = await stat(file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  });
  if (found !== null && !found.isFile()) refuse("it is there and is no file");
}

/** Writes the report; what keeps it from being written is given back, so that the report itself is not lost. */
async function writeHtml(file: string, report: Report): Promise<ForgeError | null> {
  const [{ atomicWrite }, { toHtml }] = await Promise.all([
    import("../../store/index.ts"),
    import("../../report/index.ts"),
  ]);
  try {
    await atomicWrite(file, toHtml(report));
    return null;
  } catch (error) {
    if (error instanceof ForgeError) return error;
    throw error;
  }
}

/** Our own authority is trusted for the server of this prefix without being named. */
async function ownAuthority(context: Context, port: number): Promise<string | null> {
  const { prefix } = context.options;
  const state = await status(prefix);
  const own = state.state === "serving" && state.status.listen.some((address) => address.endsWith(`:${port}`));
  return own ? readTextIfThere(`${serverPaths(prefix).tls}/ca/cert.pem`) : null;
}

async function readAnchor(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new ForgeError("usage", `the file of --ca cannot be read: ${file}`, {
      cause: error,
      hint: "name a PEM file",
    });
  });
  if (!text.includes("-----BEGIN CERTIFICATE-----"))
    throw new ForgeError("usage", `there is no PEM certificate in ${file}`, {
      hint: "name a file with BEGIN CERTIFICATE lines",
    });
  return text;
}
