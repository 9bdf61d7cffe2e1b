import { exitCodeFor, ForgeError } from "../errors.ts";
import type { Context } from "./context.ts";
import { lead } from "./marks.ts";
import { errorFields, type Result } from "./result.ts";

/** One thing that was looked at, and what would mend it. */
export interface Check {
  readonly id: string;
  /** `info`: nothing rests on it, such as a program that only some extra needs. */
  readonly outcome: "pass" | "fail" | "unknown" | "info";
  readonly message: string;
  readonly fix: string | null;
}

/** What the checks come to together: an unknown one is no pass, and what is only information counts for nothing. */
export function verdict(
  { prefix, colour }: Pick<Context["options"], "prefix" | "colour">,
  checks: readonly Check[],
): Result {
  const lines = checks.flatMap(({ outcome, message, fix }) => [
    `${lead(outcome, 8, colour)}${message}`,
    ...(fix === null ? [] : [`${" ".repeat(8)}${fix}`]),
  ]);
  const text = `${lines.join("\n")}\n`;
  const fields = { prefix, checks };
  const failed = checks.filter((check) => check.outcome === "fail");
  const unknown = checks.filter((check) => check.outcome === "unknown");
  const counted = checks.filter((check) => check.outcome !== "info").length;
  if (failed.length + unknown.length === 0) return { outcome: "done", exitCode: 0, fields, text };
  const error =
    failed.length > 0
      ? new ForgeError("check-failed", `${failed.length} of ${counted} checks fail`, {
          details: failed.map((check) => check.message),
          hint: "do what stands below each failed check",
        })
      : new ForgeError("incomplete", `${unknown.length} of ${counted} checks could not be made`, {
          details: unknown.map((check) => check.message),
          hint: "do what stands below each unknown check, then look again",
        });
  return { outcome: "failed", exitCode: exitCodeFor(error), fields: { ...fields, ...errorFields(error) }, text, error };
}
