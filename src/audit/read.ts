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
    if (data === undefined) throw refuse(`is no CVE record of JSON 5: ${first(error, record)}`);
    return fromCve(data);
  }
  const { data, error } = osvSchema.safeParse(record);
  if (data === undefined) throw refuse(`is no OSV record: ${first(error, record)}`);
  return fromOsv(data);
}

function first(error: z.ZodError, record: unknown): string {
  const issue = error.issues[0];
  if (issue === undefined) return "not as the schema says";
  const where = issue.path.length === 0 ? "the whole" : issue.path.map(String).join(".");
  const value = issue.path.reduce<unknown>(
    (within, key) => (within as Record<PropertyKey, unknown> | null)?.[key],
    record,
  );
  return `${where} ${value === undefined ? "is missing" : flawOf(issue)}`;
}

/** What is wrong with a value; a record holds what others wrote, so the value itself is not repeated. */
function flawOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `has to be ${kindNames[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `has to be ${issue.values.map(String).join(" or ")}`;
    case "too_small":
      return "is empty";
    case "invalid_format":
      return issue.format === "datetime" ? "has to be a time (2026-01-02T03:04:05Z)" : `has to be ${issue.message}`;
    default:
      return "is not as the schema says";
  }
}

const kindNames: Readonly<Record<string, string>> = { string: "a text", array: "a list", object: "a mapping" };
