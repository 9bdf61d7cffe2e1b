import { createHash } from "node:crypto";

/** What can be digested: JSON without numbers that have no JSON form. A key whose value is undefined counts as absent. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };

/**
 * Hex SHA-256 over the parts in canonical form: equal parts give equal digests whatever the order of their keys; the order of
 * lists counts.
 */
export function fingerprint(parts: Json): string {
  return createHash("sha256").update(canonical(parts)).digest("hex");
}

/** JSON with sorted keys and no white space. */
export function canonical(value: Json): string {
  if (typeof value === "number" && !Number.isFinite(value)) throw new Error(`${value} cannot be digested`);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonical).join(",")}]`;
  const entries = Object.entries(value)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`).join(",")}}`;
}

/** `Array.isArray` does not narrow a union with a readonly array. */
function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
