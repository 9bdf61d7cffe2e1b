import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import { buildLock, isHeld, prefixPaths, recipeOfLog } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { findBuilds } from "../find-build.ts";
import { followLog } from "../follow.ts";
import type { Result } from "../result.ts";

/** What `log` is asked for. */
export interface LogRequest {
  /** A recipe, the beginning of a key, or a log's name; undefined: the newest of all. */
  readonly name: string | undefined;
  /** The one before the last. */
  readonly previous: boolean;
  readonly follow: boolean;
}

/** The full log of a build, failed ones too: the newest of a recipe, of a key, or without a name of all. */
export async function log(
  context: Pick<Context, "options" | "write" | "signal">,
  request: LogRequest,
): Promise<Result> {
  const { prefix } = context.options;
  const found = await choose(prefix, request);
  if (!request.follow) return { outcome: "done", exitCode: 0, fields: {}, text: await readFile(found.file, "utf8") };
  await followLog(found.file, {
    write: context.write,
    signal: context.signal,
    running: () => isHeld(buildLock(prefix, found.key)),
  });
  return { outcome: "done", exitCode: 0, fields: {}, text: "", written: true };
}

interface LogFile {
  readonly file: string;
  readonly key: string;
  readonly recipe: string;
  readonly time: number;
}

async function choose(prefix: string, { name, previous }: LogRequest): Promise<LogFile> {
  const { log: folder } = prefixPaths(prefix);
  const files = await newestFirst(folder);
  if (files.length === 0)
    throw new ForgeError("not-found", `there is no build log in ${folder}`, {
      hint: "build something first: tlsforge build, or tlsforge provision",
    });
  const exact = name === undefined ? undefined : files.find(({ file }) => path.basename(file) === path.basename(name));
  if (exact !== undefined && !previous) return exact;
  const named = name === undefined ? files : await findBuilds(name, files, { what: "log" });
  const found = named[previous ? 1 : 0];
  if (found !== undefined) return found;
  throw new ForgeError("not-found", `there is no log${name === undefined ? "" : ` of ${name}`} before the last`, {
    hint: "tlsforge log without --previous shows the last",
  });
}

async function newestFirst(folder: string): Promise<readonly LogFile[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  const logs = await Promise.all(
    names.filter((name) => name.endsWith(".log")).map((name) => describe(path.join(folder, name))),
  );
  return logs.filter((entry) => entry !== null).toSorted((a, b) => b.time - a.time);
}

/** Null for a log that has got another name since its folder was read. */
async function describe(file: string): Promise<LogFile | null> {
  try {
    const [{ mtimeMs }, recipe] = await Promise.all([stat(file), recipeOfLog(file)]);
    const [key = ""] = path.basename(file).split(".");
    return { file, key, recipe: recipe ?? "", time: mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
