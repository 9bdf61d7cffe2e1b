import { realpath, stat } from "node:fs/promises";
import path from "node:path";
import { exitCodeFor, ForgeError } from "../../errors.ts";
import type { ComparedReport, Comparison } from "../../grade/index.ts";
import type { Context } from "../context.ts";
import { reportProblem } from "../look/judged.ts";
import { judgeKept } from "../look/kept-look.ts";
import { lookerFor, type Looking } from "../look/looker.ts";
import { refuseUnwritable, writeOutput } from "../look/output-file.ts";
import { errorFields, type Result } from "../result.ts";
import { parseTarget, written, type TargetSpec } from "../look/targets.ts";
import { portFor } from "../look/ways.ts";

export interface CompareRequest extends Looking {
  /** Each a file that keeps a look, or a target. */
  readonly sides: readonly [string, string];
  readonly ignoreTrust: boolean;
  /** Exit 10 where the second is worse. */
  readonly exitCode: boolean;
  /** Where to write the comparison as HTML. */
  readonly html?: string;
}

type Side =
  | { readonly name: string; readonly file: string; readonly same: string }
  | { readonly name: string; readonly target: TargetSpec; readonly same: string };

/**
 * What differs between two reports or targets, and what each difference is worth. Exit 3 when one cannot be reached or its grade cannot be said; with
 * `exitCode` 10 when the second is worse by any rulebook, and 3 when that cannot be said of one.
 */
export async function compare(context: Context, request: CompareRequest): Promise<Result> {
  const { html, ignoreTrust } = request;
  const [a, b] = await Promise.all([sideOf(context, request, 0), sideOf(context, request, 1)]);
  if (a.same === b.same)
    throw new ForgeError("usage", `both are ${a.name}`, { hint: "name two reports, two targets, or one of each" });
  if ("file" in a && "file" in b) refuseIdle(request);
  if (html !== undefined) await refuseUnwritable(html, "--html");
  const [before, after] = await judgedBoth(context, request, [a, b]);
  const { comparison, text, page } = await compared(context, request, [before, after]);
  const unwritten = html === undefined ? null : await writeOutput(html, async () => page);
  const judging = { ignoreTrust, minGrade: null };
  const [problem, ...others] = [
    reportProblem(before.report, judging),
    reportProblem(after.report, judging),
    request.exitCode ? doubtOf(comparison) : null,
    unwritten,
  ].filter((found) => found !== null);
  for (const other of others) context.emit({ type: "warning", message: other.message });
  const fields = { comparison };
  if (problem !== undefined)
    return {
      outcome: "failed",
      exitCode: exitCodeFor(problem),
      fields: { ...fields, ...errorFields(problem) },
      text,
      error: problem,
    };
  const isWorse = comparison.rulebooks.some(({ verdict }) => verdict === "worse");
  return { outcome: "done", exitCode: request.exitCode && isWorse ? 10 : 0, fields, text };
}

/** A file where one is there, or where the words can only mean one. */
async function sideOf(context: Context, request: CompareRequest, index: 0 | 1): Promise<Side> {
  const name = request.sides[index];
  const file = path.resolve(context.cwd, name);
  const isThere = (await stat(file).catch(() => null))?.isFile() === true;
  const meansFile = (name.includes("/") && !/^https:\/\//i.test(name)) || /\.json$/i.test(name);
  if (name !== "" && (isThere || meansFile)) return { name, file, same: await realpath(file).catch(() => file) };
  const target = parseTarget(name, portFor(request.startTls));
  return { name: written(target), target, same: written(target).toLowerCase() };
}

/** Options that are about looking, by what they ask for. */
const lookingOptions: Readonly<Record<keyof Looking, string>> = {
  serverName: "--server-name",
  ca: "--ca",
  family: "--ipv4 or --ipv6",
  startTls: "--starttls",
  proxy: "--proxy",
  gentle: "--gentle",
  rate: "--rate",
  maxConnections: "--max-connections",
  maxSeconds: "--max-time",
};

function refuseIdle(request: CompareRequest): void {
  const [idle] = Object.entries(lookingOptions).filter(([key]) => {
    const value = request[key as keyof Looking];
    return value !== undefined && (!Array.isArray(value) || value.length > 0);
  });
  if (idle === undefined) return;
  throw new ForgeError("usage", `${idle[1]} is about looking at a target, and both are files`, {
    hint: "leave it out, or name a target",
  });
}

/** What is wrong with a file is told before anything is contacted. A look that fails waits for the other one, which nothing would stop. */
async function judgedBoth(
  context: Context,
  request: CompareRequest,
  sides: readonly [Side, Side],
): Promise<readonly [ComparedReport, ComparedReport]> {
  const kept = new Map<Side, ComparedReport>();
  for (const side of sides) if ("file" in side) kept.set(side, { name: side.name, ...(await judgeKept(side.file)) });
  const lookAt = kept.size < sides.length ? await lookerFor(context, request) : null;
  const judgedOne = async (side: Side): Promise<ComparedReport> => {
    const known = kept.get(side);
    if (known !== undefined) return known;
    if ("file" in side || lookAt === null) throw new Error(`${side.name} was neither read nor looked at`);
    return { name: side.name, report: await lookAt(side.target) };
  };
  const [a, b] = await Promise.allSettled([judgedOne(sides[0]), judgedOne(sides[1])]);
  if (a.status === "rejected") throw a.reason;
  if (b.status === "rejected") throw b.reason;
  return [a.value, b.value];
}

/** The comparison as data, as text and, where it is wanted, as HTML. */
async function compared(
  context: Context,
  { ignoreTrust, html }: CompareRequest,
  [a, b]: readonly [ComparedReport, ComparedReport],
): Promise<{ readonly comparison: Comparison; readonly text: string; readonly page: string }> {
  const [grade, { comparisonToHtml, comparisonToText }] = await Promise.all([
    import("../../grade/index.ts"),
    import("../../report/index.ts"),
  ]);
  try {
    const comparison = grade.compare(a, b, { ignoreTrust });
    const text = comparisonToText(comparison, { colour: context.options.colour, width: context.columns });
    return { comparison, text, page: html === undefined ? "" : comparisonToHtml(comparison) };
  } catch (error) {
    // Only a report that was made up can be judged and not be compared: nothing says that it is whole, as a recording's digest does.
    if (!(error instanceof TypeError) || (a.recorded === undefined && b.recorded === undefined)) throw error;
    throw new ForgeError("usage", `${a.name} and ${b.name} cannot be compared: one is not what tlsforge reports`, {
      cause: error,
      hint: "name reports as tlsforge wrote them",
    });
  }
}

/** Where it cannot be said that the second is not worse: unknown is never a pass. */
function doubtOf({ rulebooks }: Comparison): ForgeError | null {
  if (rulebooks.some(({ verdict }) => verdict === "worse")) return null;
  const open = rulebooks.filter(({ verdict }) => verdict === "unknown").map(({ rulebook }) => rulebook);
  if (open.length === 0) return null;
  return new ForgeError("incomplete", `whether the second is worse cannot be said by ${open.join(", ")}`, {
    hint: "look at what is not known above, then compare again",
  });
}
