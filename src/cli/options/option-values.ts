import { InvalidArgumentError, Option } from "commander";
import path from "node:path";
import { wantableGrades, isGrade } from "../../grade/light.ts";

/** `--min-grade`. */
export function minGrade(): Option {
  return new Option(
    "--min-grade <grade>",
    "fail below this grade (default: verify.min-grade of the site file)",
  ).argParser(parseGrade);
}

/** Gathers the values of a repeatable option. */
export function collect(value: string, earlier: readonly string[]): string[] {
  return [...earlier, value];
}

/** Refuses an empty value. */
export function notEmpty(value: string): string {
  if (value === "") throw new InvalidArgumentError("It must not be empty.");
  return value;
}

/** A file that is written as a whole; standard output has the report itself. */
export function outputFile(value: string): string {
  if (value === "-") throw new InvalidArgumentError("It is written to a file, not to standard output (./- is a file).");
  return notEmpty(value);
}

/** A name of a host, as it stands in a hello (RFC 6066, section 3: no address, no port). */
export function hostName(value: string): string {
  const isAddress = /^[\d.]+$/.test(value) || value.includes(":");
  const labels = value.replace(/\.$/, "").split(".");
  if (
    isAddress ||
    value.length > 253 ||
    !labels.every((label) => /^[A-Za-z0-9_](?:[\w-]{0,61}[A-Za-z0-9_])?$/.test(label))
  )
    throw new InvalidArgumentError("It must be the name of a host.");
  return value;
}

/** A whole number from 1 to 9999. */
export function count(value: string): number {
  if (!/^[1-9]\d{0,3}$/.test(value)) throw new InvalidArgumentError("It must be a whole number from 1 to 9999.");
  return Number(value);
}

/** The value where it is a text. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A path from the working folder. */
export function absolute(cwd: string, file: string | undefined): string | undefined {
  return file === undefined ? undefined : path.resolve(cwd, file);
}

/** A property, or nothing where there is no value. */
export function optional<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): Partial<Record<Name, Value>> {
  return value === undefined ? {} : ({ [name]: value } as Partial<Record<Name, Value>>);
}

function parseGrade(text: string): string {
  const grade = text.toUpperCase();
  if (isGrade(grade) && wantableGrades.includes(grade)) return grade;
  throw new InvalidArgumentError(`Use one of ${wantableGrades.join(", ")}.`);
}
