import { exitCodeFor, type ForgeError, type Span } from "../../errors.ts";
import type { Report } from "../../grade/index.ts";
import { trustedLocally } from "../../grade/light.ts";
import type { Context } from "../context.ts";
import { gradeProblem } from "./grade-problem.ts";
import { reportText } from "./look.ts";
import { writeOutput } from "./output-file.ts";
import { errorFields, type Result } from "../result.ts";

/** What decides whether a report is good enough, and where else it goes. */
export interface Judging {
  readonly ignoreTrust: boolean;
  readonly minGrade: string | null;
  /** Where the site file wants it, when no option does. */
  readonly minGradeSpan?: Span;
  /** Where to write the report as HTML. */
  readonly html?: string;
}

/** A request with the grade that the site file in force writes itself, unless `--min-grade` wants another. Throws `usage` and `site-invalid` of a site file. */
export async function withSiteGrade<Request extends Judging>(context: Context, request: Request): Promise<Request> {
  const { config } = context.options;
  if (config === null) return request;
  const written = await (await import("../make/load.ts")).writtenMinGrade(config);
  if (written === null || request.minGrade !== null) return request;
  return { ...request, minGrade: written.grade, minGradeSpan: written.span };
}

/** A report as the result of a command: exit 1 below `--min-grade`, 3 when the grade cannot be said. `problems` came up on the way. */
export async function judged(
  context: Context,
  report: Report,
  of: Judging & { readonly problems?: readonly (ForgeError | null)[] },
): Promise<Result> {
  const { html, problems = [] } = of;
  const unwritten =
    html === undefined
      ? null
      : await writeOutput(html, async () => (await import("../../report/index.ts")).toHtml(report));
  const [problem, ...others] = [reportProblem(report, of), ...problems, unwritten].filter((found) => found !== null);
  for (const other of others) context.emit({ type: "warning", message: other.message });
  const text = await reportText(context, report);
  if (problem === undefined) return { outcome: "done", exitCode: 0, fields: { report }, text };
  return {
    outcome: "failed",
    exitCode: exitCodeFor(problem),
    fields: { report, ...errorFields(problem) },
    text,
    error: problem,
  };
}

/** What is wrong with a report's grade, or null. */
export function reportProblem(report: Report, of: Judging): ForgeError | null {
  return gradeProblem(report, {
    minGrade: of.minGrade,
    minGradeSpan: of.minGradeSpan,
    ignoreTrust: of.ignoreTrust || trustedLocally(report.observations),
  });
}
