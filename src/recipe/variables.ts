import { ForgeError, type Span } from "../errors.ts";
import { nearest } from "./nearest.ts";

/** Variables that every recipe has. The others are `inputs.NAME`, `platform.NAME` and `tool.NAME`. */
export const builtinVariables = [
  "out",
  "build",
  "source",
  "recipe",
  "dist",
  "version",
  "jobs",
  "prefix",
  "hardening.compile",
  "hardening.link",
] as const;

/** `${name}`, or `$${` for the text `${` itself. */
const pattern = /\$\$\{|\$\{([^{}]*)\}/g;

/**
 * Replaces every `${name}` of a text by its value; `$${` stands for the text `${` itself. Values are not looked into again.
 * An unknown name is a ForgeError `recipe-invalid`, with the place when the caller knows it.
 */
export function expand(text: string, variables: Readonly<Record<string, string>>, span?: Span): string {
  return replace(text, (name) => lookUp(name, variables, span));
}

/** The same for a regular expression: values stand for themselves, whatever characters they hold. */
export function expandPattern(text: string, variables: Readonly<Record<string, string>>, span?: Span): string {
  return replace(text, (name) => lookUp(name, variables, span).replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
}

/** Names of the variables that a text uses, in order. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(pattern)].flatMap(([, name]) => name ?? []);
}

/** Whether a text begins a variable and does not end it. */
export function hasUnclosed(text: string): boolean {
  return text.replaceAll(pattern, "").includes("${");
}

function replace(text: string, value: (name: string) => string): string {
  return text.replaceAll(pattern, (_, name: string | undefined) => (name === undefined ? "${" : value(name)));
}

function lookUp(name: string, variables: Readonly<Record<string, string>>, span: Span | undefined): string {
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (value !== undefined) return value;
  const names = Object.keys(variables).toSorted();
  throw new ForgeError("recipe-invalid", `unknown variable "\${${name}}"`, {
    hint: suggestVariable(name, names),
    ...(span === undefined ? {} : { span }),
  });
}

/** The hint for an unknown variable: the near match, or all there are. */
export function suggestVariable(name: string, known: readonly string[]): string {
  const match = nearest(name, known);
  return match === undefined ? `use one of ${known.join(", ")}` : `did you mean "\${${match}}"?`;
}
