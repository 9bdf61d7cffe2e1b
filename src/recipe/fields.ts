import { z } from "zod";
import { toRange, toSemver } from "./versions.ts";

/** What a family of mappings is told apart by: each kind is one key. Messages name the family. */
export const families = new Map<string, readonly string[]>();

/** A mapping without unknown keys. The message lists the allowed keys, which the near match is looked for in. */
export function mapping<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? Object.keys(shape).join(" ") : undefined),
  });
}

/** One of several mappings, told apart by the key that only this kind has. */
export function family<const Options extends readonly z.ZodType[]>(
  name: string,
  kinds: readonly string[],
  options: Options,
) {
  families.set(name, kinds);
  return z.union(options, { error: name }).meta({ id: name });
}

/** One value, or a list of them. */
export function oneOrList<Item extends z.ZodType>(item: Item) {
  return z
    .union([item, z.array(item).min(1)])
    .transform((value) => (Array.isArray(value) ? value : [value]) as z.output<Item>[]);
}

export const text = z.string().min(1);

export const textList = z.array(z.string());

/** A command: the program and its arguments, never a shell's text. */
export const argv = z.array(z.string()).min(1);

/** Variables by name. What has no name, or an equals sign in it, would be no variable, or another one, in an environment or an argument of make. */
export const variables = z.record(
  z
    .string()
    .regex(/^[^=\0]+$/, { error: "a name that is not empty and has no = in it; the value stands after the colon" }),
  z.string(),
);

/** A name of our own: recipe, stack, input. */
export const name = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, { error: "lower-case letters, digits and hyphens" });

export const version = z
  .string()
  .refine((value) => toSemver(value) !== undefined, { error: 'a version such as "3.5.9"' })
  .describe("A version, quoted");

export const range = z
  .string()
  .refine((value) => toRange(value) !== undefined, { error: 'a version range such as "~3.5" or ">=3.2 <4"' })
  .describe("A semver range, quoted");

export const sha256 = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, {
    error: (issue) => `a SHA-256: 64 hexadecimal digits${digestFlaw(String(issue.input))}`,
  })
  .transform((value) => value.toLowerCase());

function digestFlaw(digest: string): string {
  return digest.length === 64 ? ", nothing else" : `, not ${digest.length}`;
}

export const fileName = z.string().regex(/^[^/\\\0]+$/, { error: "a file name without folders" });

/** A path below the recipe's folder. */
export const recipePath = z
  .string()
  .refine((value) => isBelow(value), { error: "a path below the recipe's folder: relative, without .. and variables" });

function isBelow(path: string): boolean {
  return path !== "" && !path.startsWith("/") && !path.includes("${") && !path.split("/").includes("..");
}

const os = z.enum(["linux", "freebsd", "darwin"]);
const arch = z.enum(["x86_64", "aarch64"]);
const libc = z.enum(["gnu", "musl", "none"]);

export const form = z.enum(["release", "export"]);

export const when = mapping({
  version: range.exactOptional(),
  os: oneOrList(os).exactOptional(),
  arch: oneOrList(arch).exactOptional(),
  libc: oneOrList(libc).exactOptional(),
  form: form.exactOptional(),
  input: z.record(z.string(), range).exactOptional(),
}).meta({ id: "when", description: "All given conditions must hold" });
