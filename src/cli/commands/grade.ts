import { readFile, stat } from "node:fs/promises";
import { ForgeError } from "../../errors.ts";
import type { Report } from "../../grade/index.ts";
import type { Context } from "../context.ts";
import { judged, reportProblem, withSiteGrade, type Judging } from "../judged.ts";
import { reportText } from "../look.ts";
import { refuseUnwritable } from "../output-file.ts";
import type { Result } from "../result.ts";

export interface GradeRequest extends Judging {
  /** Recordings of `verify --record`. */
  readonly files: readonly string[];
}

/** A recording with the most that one keeps is not half as large. */
const largest = 2 ** 28;

/** Judges recordings again, with no network. Exit codes as `verify`; 2 for a file that is no recording. */
export async function grade(context: Context, asked: GradeRequest): Promise<Result> {
  const request = await withSiteGrade(context, asked);
  const { files, html } = request;
  const [only] = files;
  if (only !== undefined && files.length === 1) {
    if (html !== undefined) await refuseUnwritable(html, "--html");
    return judged(context, await judgeFile(only), request);
  }
  if (html !== undefined) throw new ForgeError("usage", "--html holds one report", { hint: "grade one recording" });
  const { many } = await import("../many.ts");
  return many(context, each(files), {
    command: "grade",
    width: 1,
    problemOf: (report) => reportProblem(report, request),
    textOf: (report) => reportText(context, report),
  });
}

async function* each(files: readonly string[]): AsyncIterable<{ name: string; report: () => Promise<Report> }> {
  for (const file of files) yield { name: file, report: () => judgeFile(file) };
}

async function judgeFile(file: string): Promise<Report> {
  const text = await readRecordingFile(file);
  const [{ readRecording }, { judge }] = await Promise.all([
    import("../../probe/index.ts"),
    import("../../grade/index.ts"),
  ]);
  const observations = readRecording(text, file);
  try {
    return judge(observations);
  } catch (error) {
    // Only a recording that was made up has the right digest and the wrong contents.
    if (!(error instanceof TypeError)) throw error;
    throw new ForgeError("usage", `${file} cannot be judged: its observations are not what tlsforge records`, {
      cause: error,
      hint: "name a file that tlsforge verify --record wrote",
    });
  }
}

async function readRecordingFile(file: string): Promise<string> {
  const refuse = (why: string, cause?: unknown): ForgeError =>
    new ForgeError("usage", `the recording cannot be read: ${file} (${why})`, {
      hint: "name a file that tlsforge verify --record wrote",
      cause,
    });
  const unreadable = (error: unknown): never => {
    throw refuse((error as NodeJS.ErrnoException).code ?? "unknown", error);
  };
  const facts = await stat(file).catch(unreadable);
  if (!facts.isFile()) throw refuse("it is no regular file");
  if (facts.size > largest) throw refuse(`it is larger than any recording`);
  return readFile(file, "utf8").catch(unreadable);
}
