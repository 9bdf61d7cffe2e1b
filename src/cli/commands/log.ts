import path from "node:path";
import { ForgeError } from "../../errors.ts";
import { buildLock, isHeld, listLogs, openLogFile, prefixPaths, type LogFile } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { findBuilds } from "../builds/find-build.ts";
import { followLog } from "../builds/follow.ts";
import { harmless, harmlessly } from "../builds/harmless.ts";
import { logRecord } from "../builds/log-record.ts";
import type { Result } from "../result.ts";

/** What `log` is asked for. */
export interface LogRequest {
  /** A recipe, the beginning of a key, or a log's name; undefined: the newest of all. */
  readonly name: string | undefined;
  /** The one before the last. */
  readonly previous: boolean;
  readonly follow: boolean;
}

/**
 * The full log of a build, failed ones too: the newest of a recipe, of a key, or without a name of all. Its record says where the text is. A terminal gets
 * the text without what it would obey, everything else the text as it is.
 */
export async function log(
  context: Pick<Context, "options" | "write" | "signal" | "onTerminal">,
  request: LogRequest,
): Promise<Result> {
  const { prefix, json } = context.options;
  const found = await choose(prefix, request);
  if (!request.follow) {
    const whole = json ? "" : await textOf(found);
    const text = context.onTerminal ? harmless(whole) : whole;
    return { outcome: "done", exitCode: 0, fields: { prefix, log: await logRecord(prefix, found) }, text };
  }
  const out = context.onTerminal ? harmlessly(context.write) : { write: context.write, end: async () => undefined };
  await followLog(found.path, {
    write: out.write,
    signal: context.signal,
    running: () => isHeld(buildLock(prefix, found.key)),
  });
  await out.end();
  return { outcome: "done", exitCode: 0, fields: {}, text: "", written: true };
}

async function choose(prefix: string, { name, previous }: LogRequest): Promise<LogFile> {
  const files = await listLogs(prefix);
  if (files.length === 0)
    throw new ForgeError("not-found", `there is no build log in ${prefixPaths(prefix).log}`, {
      hint: "build something first: tlsforge build, or tlsforge provision",
    });
  const exact = name === undefined ? undefined : files.find((file) => path.basename(file.path) === path.basename(name));
  if (exact !== undefined && !previous) return exact;
  const named = name === undefined ? files : await findBuilds(name, files, { what: "log" });
  const found = named[previous ? 1 : 0];
  if (found !== undefined) return found;
  throw new ForgeError("not-found", `there is no log${name === undefined ? "" : ` of ${name}`} before the last`, {
    hint: "tlsforge log without --previous shows the last",
  });
}

/** Nothing of what is no file any more. */
async function textOf({ path: file }: LogFile): Promise<string> {
  const handle = await openLogFile(file);
  try {
    return (await handle?.readFile("utf8")) ?? "";
  } finally {
    await handle?.close();
  }
}
