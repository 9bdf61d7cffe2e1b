import type { z } from "zod";
import type { Path, SourceDocument } from "./document.ts";
import { families } from "./fields.ts";
import { nearest } from "./nearest.ts";
import { quote, type Problem } from "./problems.ts";

/**
 * Values of the design that this release does not bring, by place (`server.dhe`) or place and value (`server.profile: compatible`),
 * with what to do instead.
 */
export type NotYet = ReadonlyMap<string, string>;

/** What to write instead of a value of the wrong type, by place and value (`server.hsts: off`). */
export type Instead = ReadonlyMap<string, string>;

type Issue = z.core.$ZodIssue;

interface Advice {
  readonly notYet: NotYet;
  readonly instead: Instead;
}

interface Context extends Advice {
  readonly document: SourceDocument;
}

/** Checks a document against a schema: its value when it fits, every problem with its place when not. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  document: SourceDocument,
  advice: Partial<Advice> = {},
): { value?: z.output<Schema>; problems: readonly Problem[] } {
  if (!document.usable) return { problems: document.problems };
  const { notYet = new Map(), instead = new Map() } = advice;
  const context = { document, notYet, instead };
  const result = schema.safeParse(document.value);
  if (!result.success) {
    const problems = result.error.issues.flatMap((issue) => translate(issue, context));
    return { problems: [...document.problems, ...withoutMisspelt(problems)] };
  }
  return document.problems.length > 0 ? { problems: document.problems } : { value: result.data, problems: [] };
}

/** A found problem; `missing` and `meant` name the place of a key that is not there, and of the key that a misspelt one stands for. */
interface Found extends Problem {
  readonly missing?: string;
  readonly meant?: string | undefined;
}

/** A misspelt key is one problem, not two: the key that it stands for is not missing. */
function withoutMisspelt(problems: readonly Found[]): Problem[] {
  const meant = new Set(problems.flatMap((problem) => problem.meant ?? []));
  return problems.filter((problem) => problem.missing === undefined || !meant.has(problem.missing));
}

/** A schema's issue in the words of these files. */
function translate(issue: Issue, context: Context): Found[] {
  const { document } = context;
  const { path } = issue;
  const later = notYetHint(path, context);
  if (later !== undefined)
    return [{ message: `${describe(path, document)} is not available yet`, span: document.locate(path), hint: later }];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(key, issue, context));
    case "invalid_union":
      return translateUnion(issue, context);
    case "invalid_key":
      return [
        {
          message: `${quote(String(path.at(-1)))} cannot be a key here`,
          span: document.locateKey(path.slice(0, -1), String(path.at(-1))),
          expected: issue.issues[0]?.message,
        },
      ];
    case "invalid_type":
      return [withAdvice(path, wrongType(path, typeNames[issue.expected] ?? issue.expected, document), context)];
    case "invalid_value":
      return [wrongValue(path, issue.values.map(String), document)];
    case "too_small":
      return [
        {
          message: emptyMessage(path, document),
          span: document.locate(path),
          expected: ownMessage(issue) ?? atLeast(issue),
        },
      ];
    case "too_big":
      return [
        {
          message: `${describe(path, document)} is too large`,
          span: document.locate(path),
          expected: ownMessage(issue) ?? `at most ${issue.maximum}`,
        },
      ];
    default:
      return [
        {
          message: `${describe(path, document)} does not fit here`,
          span: document.locate(path),
          expected: issue.message,
        },
      ];
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
  boolean: "true or false",
  number: "a number",
  int: "a whole number",
};

function wrongType(path: Path, expected: string, document: SourceDocument): Found {
  const value = valueAt(document.value, path);
  const key = String(path.at(-1) ?? "");
  if (value === undefined) {
    return {
      message: `"${key}" is missing`,
      span: document.locate(path.slice(0, -1)),
      expected: `${key}: ${expected}`,
      missing: path.join("."),
    };
  }
  const unquoted = expected === "text" && (typeof value === "number" || typeof value === "boolean");
  const written = document.written(path) ?? plain(value);
  return {
    message: `${describe(path, document)} where ${expected} belongs`,
    span: document.locate(path),
    expected: unquoted ? "text in quotes" : expected,
    hint: unquoted
      ? `quote it: "${written}"`
      : value === null && key !== ""
        ? `write a value after "${key}:"`
        : undefined,
  };
}

function wrongValue(path: Path, values: readonly string[], document: SourceDocument): Found {
  const value = valueAt(document.value, path);
  if (value === undefined) return wrongType(path, values.join(", or "), document);
  const match = typeof value === "string" ? nearest(value, values) : undefined;
  return {
    message: `${describe(path, document)} is not known here`,
    span: document.locate(path),
    expected: values.length === 1 ? values[0] : `one of ${values.join(", ")}`,
    hint: match === undefined ? undefined : `did you mean "${match}"?`,
  };
}

function unknownKey(key: string, issue: Issue, context: Context): Found {
  const { document, notYet } = context;
  const span = document.locateKey(issue.path, key);
  const later = notYet.get([...issue.path, key].join("."));
  if (later !== undefined) return { message: `${quote(key)} is not available yet`, span, hint: later };
  const allowed = issue.message.split(" ");
  const match = nearest(key, allowed);
  return {
    message: `unknown key ${quote(key)}`,
    span,
    expected: `one of ${allowed.join(", ")}`,
    hint: match === undefined ? undefined : `did you mean "${match}"?`,
    meant: match === undefined ? undefined : [...issue.path, match].join("."),
  };
}

type UnionIssue = Extract<Issue, { code: "invalid_union" }>;

/** Of a union only the branch that the writer meant speaks. */
function translateUnion(issue: UnionIssue, context: Context): Found[] {
  const { document } = context;
  const kinds = families.get(issue.message);
  if (kinds === undefined) {
    const meant = issue.errors.find(
      (errors) => !errors.some((error) => error.path.length === 0 && error.code !== "unrecognized_keys"),
    );
    // zod's own message stands where the schema says nothing of its own: one value or a list of them.
    const plainUnion = issue.message.startsWith("Invalid");
    const single = plainUnion && typeof valueAt(document.value, issue.path) === "string";
    const branch = meant ?? (single ? issue.errors[0] : undefined);
    if (branch !== undefined) return branch.flatMap((inner) => translate(below(issue.path, inner), context));
    return [wrongType(issue.path, plainUnion ? "text, or a list of texts" : issue.message, document)];
  }
  const value = valueAt(document.value, issue.path);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [kindAlone(issue, kinds, context)];
  const keys = Object.keys(value);
  const given = kinds.filter((kind) => keys.includes(kind));
  if (given.length > 1) {
    return [
      {
        message: `${/^[aeiou]/.test(issue.message) ? "an" : "a"} ${issue.message} of two kinds: ${given.join(" and ")}`,
        span: document.locate(issue.path),
        expected: "one kind",
        hint: typeof issue.path.at(-1) === "number" ? "write them as two entries of the list" : "remove one of them",
      },
    ];
  }
  const kind = given[0];
  const branch = kind === undefined ? undefined : issue.errors[kinds.indexOf(kind)];
  if (branch !== undefined) return branch.flatMap((inner) => translate(below(issue.path, inner), context));
  return [unknownKind(issue, { keys, kinds }, context)];
}

/** A kind is written as the key of a mapping, also one that takes no more than `true`. */
function kindAlone({ path }: UnionIssue, kinds: readonly string[], { document, notYet }: Context): Found {
  const value = valueAt(document.value, path);
  const later = typeof value === "string" ? notYet.get([...path, value].join(".")) : undefined;
  if (later !== undefined)
    return { message: `${describe(path, document)} is not available yet`, span: document.locate(path), hint: later };
  const found = wrongType(path, `a mapping with one of ${kinds.join(", ")}`, document);
  return typeof value === "string" && kinds.includes(value)
    ? { ...found, hint: `write { ${value}: ... }, with what belongs there` }
    : found;
}

function unknownKind(
  issue: UnionIssue,
  { keys, kinds }: { keys: readonly string[]; kinds: readonly string[] },
  context: Context,
): Problem {
  const { document, notYet } = context;
  const later = keys.map((key) => notYet.get([...issue.path, key].join("."))).find((hint) => hint !== undefined);
  const key = keys.find((name) => nearest(name, kinds) !== undefined) ?? keys[0];
  const span = key === undefined ? document.locate(issue.path) : document.locateKey(issue.path, key);
  if (later !== undefined) return { message: `"${String(key)}" is not available yet`, span, hint: later };
  const match = key === undefined ? undefined : nearest(key, kinds);
  return {
    message: key === undefined ? `a ${issue.message} without its kind` : `unknown ${issue.message} kind ${quote(key)}`,
    span,
    expected: `one of ${kinds.join(", ")}`,
    hint: match === undefined ? undefined : `did you mean "${match}"?`,
  };
}

function below(path: readonly PropertyKey[], inner: Issue): Issue {
  return { ...inner, path: [...path, ...inner.path] };
}

function notYetHint(path: Path, { document, notYet }: Context): string | undefined {
  const value = valueAt(document.value, path);
  const place = path.join(".");
  if (value === undefined || place === "") return undefined;
  return notYet.get(`${place}: ${plain(value)}`) ?? notYet.get(place);
}

function withAdvice(path: Path, found: Found, { document, instead }: Context): Found {
  const hint = instead.get(`${path.join(".")}: ${plain(valueAt(document.value, path))}`);
  return hint === undefined ? found : { ...found, hint };
}

/** What the schema itself says against a number; zod's own words are not ours. */
function ownMessage({ message }: Issue): string | undefined {
  return /^Too (?:small|big): /.test(message) ? undefined : message;
}

function emptyMessage(path: Path, document: SourceDocument): string {
  const value = valueAt(document.value, path);
  return typeof value === "number" ? `${value} is too small` : `"${String(path.at(-1))}" is empty`;
}

function atLeast(issue: Extract<Issue, { code: "too_small" }>): string {
  if (issue.origin === "array") return "at least one entry";
  return issue.origin === "string"
    ? "some text"
    : `${issue.inclusive === true ? "at least" : "more than"} ${issue.minimum}`;
}

/** A value for a message: short, and as written. */
function describe(path: Path, document: SourceDocument): string {
  const value = valueAt(document.value, path);
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  const written = document.written(path) ?? plain(value);
  if (typeof value === "number") return `the number ${written}`;
  return typeof value === "boolean" ? `the truth value ${written}` : quote(written);
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as Record<PropertyKey, unknown>)[key];
  }
  return current;
}
