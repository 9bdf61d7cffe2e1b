import { z } from "zod";
import { ForgeError } from "../errors.ts";
import { cveSchema, fromCve } from "./cve.ts";
import { fromOsv, osvSchema } from "./osv.ts";
import type { Advisory } from "./types.ts";

/**
 * The advisories of one JSON text: an OSV record, a CVE record (JSON 5), a list of either, or an OSV answer (`vulns`). `file` is how messages
 * name it. Throws ForgeError `advisory-invalid` for what is not JSON, holds no record, or a record that is neither.
 */
export function readAdvisories(text: string, file: string): readonly Advisory[] {
  const value = parse(text, file);
  const records = listOf(value);
  if (records.length === 0) throw invalid(file, "holds no record");
  return records.map((record, index) => {
    const place = Array.isArray(value) || records.length > 1 ? `record ${index + 1}: ` : "";
    return toAdvisory(record, (problem) => invalid(file, `${place}${problem}`));
  });
}

/**
 * Whether a JSON text is sound and something else than advisories. Folders of upstreams hold such files too; what is cut short, or looks like a record,
 * has to be one.
 */
export function isForeign(text: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return ["dataType", "schema_version", "modified", "affected", "vulns", "id"].every((key) => !(key in value));
}

/** The one error for a file of advisories that cannot be used: `problem` says what it does. */
export function invalid(file: string, problem: string, cause?: unknown): ForgeError {
  return new ForgeError("advisory-invalid", `${file} ${problem}`, {
    hint: "give OSV records (one, a list, a folder or a zip of them) or CVE records (JSON 5), as they were published",
    ...(cause === undefined ? {} : { cause }),
  });
}

function parse(text: string, file: string): unknown {
  if (text.trim() === "") throw invalid(file, "is empty");
  try {
    return JSON.parse(text.replace(/^\uFEFF/, "")) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalid(file, `is not JSON: ${error.message.slice(0, 120)}`, error);
  }
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  const answer = z.looseObject({ vulns: z.array(z.unknown()) }).safeParse(value);
  return answer.success ? answer.data.vulns : [value];
}

function toAdvisory(record: unknown, refuse: (problem: string) => ForgeError): Advisory {
  const isCve = z.looseObject({ dataType: z.string() }).safeParse(record).success;
  if (isCve) {
    const { data, error } = cveSchema.safeParse(record);
    if (data === undefined) throw refuse(`is no CVE record of JSON 5: ${first(error)}`);
    return fromCve(data);
  }
  const { data, error } = osvSchema.safeParse(record);
  if (data === undefined) throw refuse(`is no OSV record: ${first(error)}`);
  return fromOsv(data);
}

function first(error: z.ZodError): string {
  const issue = error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? "the whole" : issue.path.map(String).join(".");
  return `${where}: ${issue?.message ?? "not as the schema says"}`;
}
