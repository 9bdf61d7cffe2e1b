import { errorFields, recordLine, type Result } from "../result.ts";
import { exitCodeFor, ForgeError } from "../../errors.ts";
import type { Report } from "../../grade/index.ts";
import { letterText, trustedLocally } from "../../grade/light.ts";
import type { Context } from "../context.ts";
import { gradingRulebook } from "./look.ts";
import { sanitise } from "../../ui/index.ts";

/** One of many: what it is called, and what looks at it or judges it. */
export interface Item {
  readonly name: string;
  readonly report: () => Promise<Report>;
}

export interface ManyOptions {
  readonly command: string;
  /** How many at once. */
  readonly width: number;
  readonly problemOf: (report: Report) => ForgeError | null;
  /** Text of a report; a line with its grade unless told. */
  readonly textOf?: (report: Report) => Promise<string>;
}

/**
 * Takes many targets or recordings, several at once, and writes each result as it comes: a line of text, or with `--json` a record on one line; a summary is
 * the last. The exit code is the worst (4, 3, 1, 0). Nothing but counts is kept. When the signal
 * fires, the summary says so, and the exit code is 130.
 */
export async function many(context: Context, items: AsyncIterable<Item>, options: ManyOptions): Promise<Result> {
  const summary = { done: 0, failed: 0, unreachable: 0, incomplete: 0 };
  let worst: { exitCode: number; error: unknown } | null = null;
  const take = async (item: Item): Promise<void> => {
    const { report, problem } = await outcomeOf(item, options);
    if (context.signal.aborted) return;
    const exitCode = problem === null ? 0 : exitCodeFor(problem);
    if (problem !== null && exitCode > (worst?.exitCode ?? 0)) worst = { exitCode, error: problem };
    summary[kindOf(problem)]++;
    await context.write(
      context.options.json
        ? recordLine(options.command, {
            outcome: problem === null ? "done" : "failed",
            exitCode,
            fields: { target: item.name, report, ...(problem === null ? {} : errorFields(problem)) },
            text: "",
          })
        : await itemText(item, { report, problem, textOf: options.textOf }),
    );
  };
  await sideBySide(items, { width: options.width, signal: context.signal, take });
  if (!context.signal.aborted) return summed(context, options.command, { summary, worst });
  const error = new ForgeError("interrupted", `interrupted after ${count(summary)}`, {
    hint: "the results above stand; the same command looks at all targets again",
  });
  return {
    ...(await summed(context, options.command, { summary, worst: { exitCode: exitCodeFor(error), error } })),
    error,
  };
}

async function outcomeOf(item: Item, { problemOf }: ManyOptions): Promise<{ report: Report | null; problem: unknown }> {
  try {
    const report = await item.report();
    return { report, problem: problemOf(report) };
  } catch (error) {
    // A bug with one target must not cost the others: it is told as one.
    return { report: null, problem: error };
  }
}

async function sideBySide(
  items: AsyncIterable<Item>,
  of: { width: number; signal: AbortSignal; take: (item: Item) => Promise<void> },
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  let turn: Promise<unknown> = Promise.resolve();
  const worker = async (): Promise<void> => {
    while (!of.signal.aborted) {
      // One at a time asks the list.
      const next = turn.then(() => iterator.next());
      turn = next.catch(() => undefined);
      const { done, value } = await next;
      if (done === true) return;
      await of.take(value);
    }
  };
  await Promise.all(Array.from({ length: of.width }, worker));
}

type Summary = Record<"done" | "failed" | "unreachable" | "incomplete", number>;

function kindOf(problem: unknown): keyof Summary {
  if (problem === null) return "done";
  const code = problem instanceof ForgeError ? problem.code : "bug";
  return code === "unreachable" || code === "incomplete" ? code : "failed";
}

async function itemText(
  item: Item,
  of: { report: Report | null; problem: unknown; textOf: ManyOptions["textOf"] },
): Promise<string> {
  const { report, problem, textOf } = of;
  if (report !== null && textOf !== undefined) return `${await textOf(report)}\n`;
  return `${sanitise(`${item.name.padEnd(40)} ${verdict(report, problem)}`)}\n`;
}

function verdict(report: Report | null, problem: unknown): string {
  const error = problem === null ? undefined : errorFields(problem).error;
  if (report === null || error?.code === "incomplete")
    return `${error?.code}: ${error?.message}${detailOf(error?.details)}`;
  const { grade, gradeTrustIgnored, bounds, boundsTrustIgnored } = report.grades[gradingRulebook] ?? {};
  const [shown, trustAside] = [letterText(grade, bounds), letterText(gradeTrustIgnored, boundsTrustIgnored)];
  const failed = error === undefined ? "" : ` (${error.code})`;
  // The same letter first as in the report of one.
  if (grade === "T" && trustedLocally(report.observations))
    return `${trustAside}, trust aside; T for strangers${failed}`;
  const aside = shown === trustAside ? "" : `, ${trustAside} with trust aside`;
  return `${shown}${aside}${failed}`;
}

function detailOf(details: readonly string[] | undefined): string {
  return details?.[0] === undefined ? "" : ` (${details[0]})`;
}

function count({ done, failed, unreachable, incomplete }: Summary): string {
  const total = done + failed + unreachable + incomplete;
  return `${total} target${total === 1 ? "" : "s"}: ${done} done, ${failed} failed, ${unreachable} unreachable, ${incomplete} incomplete`;
}

async function summed(
  context: Context,
  command: string,
  of: { summary: Summary; worst: { exitCode: number; error: unknown } | null },
): Promise<Result> {
  const { summary, worst } = of;
  const exitCode = worst?.exitCode ?? 0;
  const outcome = worst === null ? "done" : "failed";
  const text = `${context.signal.aborted ? "interrupted after " : ""}${count(summary)}`;
  const error = worst === null ? {} : { error: { ...errorFields(worst.error).error, message: text } };
  const fields = { summary, ...error };
  const result: Result = { outcome, exitCode, fields, text: `${text}\n` };
  await context.write(context.options.json ? recordLine(command, result) : result.text);
  return { ...result, written: true };
}
