/**
 * Whether data out of a file has the shape of a type: what a disk or a hand has damaged must not be taken for what we wrote.
 * Not with zod, which takes longer to load than the quick answer that there is nothing to do may take as a whole: that one reads receipts too.
 */
import type { HostRecord } from "./types.ts";

/** Whether a value is as it has to be. */
export type Test = (value: unknown) => boolean;

/** A text. */
export function isText(value: unknown): boolean {
  return typeof value === "string";
}

/** A number. */
export function isNumber(value: unknown): boolean {
  return typeof value === "number";
}

/** True or false. */
export function isFlag(value: unknown): boolean {
  return typeof value === "boolean";
}

/** Nothing, or what the test wants. */
export function optional(test: Test): Test {
  return (value) => value === undefined || test(value);
}

/** null, or what the test wants. */
export function orNull(test: Test): Test {
  return (value) => value === null || test(value);
}

/** One of these values. */
export function oneOf(...values: readonly unknown[]): Test {
  return (value) => values.includes(value);
}

/** A list with entries that the test wants. */
export function listOf(test: Test): Test {
  return (value) => Array.isArray(value) && value.every(test);
}

/** An object of any names with values that the test wants. */
export function mapOf(test: Test): Test {
  return (value) => isObject(value) && Object.values(value).every(test);
}

/** An object of a type, with a test for each of its fields; further ones do not matter. */
export function shapeOf<T>(fields: { readonly [Name in keyof T]-?: Test }): (value: unknown) => value is T {
  const tests = Object.entries<Test>(fields);
  return (value): value is T => isObject(value) && tests.every(([name, test]) => test(value[name]));
}

/** A change of the machine, as generations and the ledger have it. */
export const isHostRecord = shapeOf<HostRecord>({
  id: isText,
  kind: isText,
  before: orNull(isText),
  after: orNull(isText),
  data: mapOf(isText),
});

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
