import { ForgeError } from "../../errors.ts";
import type { Report } from "../../grade/index.ts";
import type { Context } from "../context.ts";
import { judged, reportProblem, withSiteGrade, type Judging } from "../look/judged.ts";
import { judgeRecording } from "../look/kept-look.ts";
import { reportText } from "../look/look.ts";
import { refuseUnwritable } from "../look/output-file.ts";
import type { Result } from "../result.ts";

export interface GradeRequest extends Judging {
  /** Recordings of `verify --record`. */
  readonly files: readonly string[];
}

/** Judges recordings again, with no network. Exit codes as `verify`; 2 for a file that is no recording. */
export async function grade(context: Context, asked: GradeRequest): Promise<Result> {
  const request = await withSiteGrade(context, asked);
  const { files, html } = request;
  const [only] = files;
  if (only !== undefined && files.length === 1) {
    if (html !== undefined) await refuseUnwritable(html, "--html");
    return judged(context, await judgeRecording(only), request);
  }
  if (html !== undefined) throw new ForgeError("usage", "--html holds one report", { hint: "grade one recording" });
  const { many } = await import("../look/many.ts");
  return many(context, each(files), {
    command: "grade",
    width: 1,
    problemOf: (report) => reportProblem(report, request),
    textOf: (report) => reportText(context, report),
  });
}

async function* each(files: readonly string[]): AsyncIterable<{ name: string; report: () => Promise<Report> }> {
  for (const file of files) yield { name: file, report: () => judgeRecording(file) };
}
