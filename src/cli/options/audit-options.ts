/** Options of `audit`. */
import { InvalidArgumentError, type Command } from "commander";
import type { AuditRequest } from "../commands/audit.ts";
import { collect, notEmpty, text } from "./option-values.ts";

/** Adds them to a command. */
export function withAuditOptions(command: Command): Command {
  return command
    .option(
      "--advisories <file>",
      "OSV records (one, a list, a folder or a zip of them) or CVE records; no network (repeatable)",
      (value: string, earlier: readonly string[]) => collect(notEmpty(value), earlier),
      [],
    )
    .option("--strict", "exit 1 also for warnings, and 3 for what cannot be told")
    .option("--date <day>", "judge support by this day, such as 2026-11-30 (default: today)", day);
}

/** What a command line asks for; `now` is the day when it names none. */
export function auditRequest(options: Record<string, unknown>, now: Date): AuditRequest {
  return {
    advisories: options["advisories"] as readonly string[],
    strict: options["strict"] === true,
    today: text(options["date"]) ?? now.toISOString().slice(0, 10),
  };
}

function day(value: string): string {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== value)
    throw new InvalidArgumentError("It must be a day such as 2026-11-30.");
  return value;
}
