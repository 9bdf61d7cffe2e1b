import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Pair,
  type YAMLError,
} from "yaml";
import type { Span } from "../errors.ts";
import { quote, type Problem } from "./problems.ts";

/** A place in a document: keys and list positions from the root. */
export type Path = readonly PropertyKey[];

/** A file that a person writes. */
export interface TextFile {
  readonly text: string;
  /** How messages name it. */
  readonly path: string;
}

/** A YAML document as plain values, with the way back to lines and columns. */
export interface SourceDocument {
  /** Null for an empty document. */
  readonly value: unknown;
  /** Syntax errors and duplicate keys. */
  readonly problems: readonly Problem[];
  /** Whether `value` may be checked further: false after a syntax error, where the tree is a guess. */
  readonly usable: boolean;
  /** Place of the value at a path, or of its nearest ancestor that exists. */
  readonly locate: (path: Path) => Span;
  /** Place of a key of the mapping at a path. */
  readonly locateKey: (path: Path, key: string) => Span;
  /** The value at a path as written, for messages: `3.10` where the value is the number 3.1. Undefined when nothing is there. */
  readonly written: (path: Path) => string | undefined;
  /** Whether anything is written at a path. */
  readonly has: (path: Path) => boolean;
}

/** Reads YAML 1.2, one document, without anchors, aliases and tags. Never throws: what is wrong is in `problems`. */
export function readDocument({ text, path }: TextFile): SourceDocument {
  const counter = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    logLevel: "error",
    uniqueKeys: false,
  });
  const lines = text.split(/\r\n|\n|\r/);
  const at = (offset: number): Span => spanAt({ file: path, counter, lines, offset });

  // After a syntax error the parser only guesses: what it says next is mostly noise.
  const syntax = document.errors.slice(0, 1);
  const usual = syntax.length > 0 ? syntax : document.warnings;
  const { forbidden, duplicate } = syntax.length > 0 ? nothing : findForbidden(document, at);
  const usable = syntax.length + document.warnings.length + forbidden.length === 0;
  return {
    value: usable ? (document.toJS() as unknown) : null,
    problems: [...usual.map((error) => yamlProblem(error, at)), ...duplicate, ...forbidden],
    usable,
    locate: (where) => at(startOf(nodeAt(document, where))),
    locateKey: (where, key) => at(startOf(keyNode(nodeAt(document, where), key))),
    written: (where) => writtenText(document, where),
    has: (where) => document.hasIn([...where]),
  };
}

function spanAt(place: { file: string; counter: LineCounter; lines: readonly string[]; offset: number }): Span {
  const { line, col } = place.counter.linePos(Math.max(0, place.offset));
  // An error at the end of the text has no line of its own when the text ends with a line break.
  const last = Math.min(Math.max(line, 1), place.lines.length);
  const text = place.lines[last - 1] ?? "";
  return { file: place.file, line: last, column: last === line ? Math.max(col, 1) : text.length + 1, text };
}

const syntaxHints: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: 'quote a text that holds ": "',
  TAB_AS_INDENT: "indent with spaces",
  UNEXPECTED_TOKEN: "quote a text that holds any of : [ ] { } , #",
  MISSING_CHAR: "close the quote or the bracket that opened before",
  BAD_INDENT: "close the quote or the bracket that opened before",
  TAG_RESOLVE_FAILED: 'quote a text that begins with "!"',
  MULTIPLE_DOCS: 'write one document: no line of "---" after the first',
  RESOURCE_EXHAUSTION: "write fewer levels",
};

function yamlProblem(error: YAMLError, at: (offset: number) => Span): Problem {
  const span = at(error.pos[0]);
  if (error.code === "RESOURCE_EXHAUSTION")
    return { message: "nested too deeply", span, hint: syntaxHints[error.code] };
  const message = error.code === "MULTIPLE_DOCS" ? "a second document" : error.message;
  return { message: `not valid YAML: ${message}`, span, hint: syntaxHints[error.code] };
}

const deepest = 40;

/** Of `duplicate` keys the last counts, so that what stands below may be checked further; not so of what is `forbidden`. */
interface Unwanted {
  readonly forbidden: readonly Problem[];
  readonly duplicate: readonly Problem[];
}

const nothing: Unwanted = { forbidden: [], duplicate: [] };

/**
 * What YAML allows and these files do not: aliases (they make a few bytes into gigabytes), keys that are not text, bottomless nesting; and duplicate keys,
 * for which the parser would compare each key with each other one.
 */
function findForbidden(document: Document, at: (offset: number) => Span): Unwanted {
  const problems: Problem[] = [];
  const duplicate: Problem[] = [];
  const queue: { node: unknown; depth: number }[] = [{ node: document.contents, depth: 0 }];
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    const { node, depth } = entry;
    if (depth > deepest) {
      return {
        forbidden: [{ message: "nested too deeply", span: at(startOf(node)), hint: "write fewer levels" }],
        duplicate,
      };
    }
    if (isAlias(node)) {
      problems.push({
        message: `alias "*${node.source}"`,
        span: at(startOf(node)),
        expected: "the value itself",
        hint: 'write the value out, or quote a text that begins with "*"',
      });
    } else if (isMap(node)) {
      const seen = new Set<unknown>();
      for (const pair of node.items) {
        const value = isScalar(pair.key) ? pair.key.value : pair;
        if (seen.has(value)) duplicate.push(duplicateKey(String(value), at(startOf(pair.key))));
        seen.add(value);
        if (!isScalar(pair.key))
          problems.push({
            message: "a key that is not text",
            span: at(startOf(pair.key ?? node)),
            expected: "text as the key",
            hint: "quote the key",
          });
        queue.push({ node: pair.value, depth: depth + 1 });
      }
    } else if (isSeq(node)) {
      for (const item of node.items) queue.push({ node: item, depth: depth + 1 });
    }
  }
  return { forbidden: problems, duplicate };
}

function duplicateKey(key: string, span: Span): Problem {
  return {
    message: `duplicate key ${quote(key)}`,
    span,
    expected: "each key once in a mapping",
    hint: "remove one of the two",
  };
}

function nodeAt(document: Document, path: Path): Node | null {
  let node: unknown = document.contents;
  for (const key of path) {
    const next: unknown = isMap(node)
      ? pairOf(node.items, key)?.value
      : isSeq(node)
        ? node.items[Number(key)]
        : undefined;
    if (next === undefined || next === null) break;
    node = next;
  }
  return node as Node | null;
}

function writtenText(document: Document, path: Path): string | undefined {
  const parent: unknown = path.length === 0 ? undefined : nodeAt(document, path.slice(0, -1));
  const node: unknown = nodeAt(document, path);
  if (node === parent) return undefined;
  return isScalar(node) ? (node.source ?? String(node.value)) : undefined;
}

function keyNode(node: unknown, key: string): unknown {
  return (isMap(node) ? pairOf(node.items, key)?.key : undefined) ?? node;
}

/** The pairs of mappings by key: a file of another kind has thousands of unknown ones, each of which is looked for. */
const indexes = new WeakMap<readonly Pair[], ReadonlyMap<string, Pair>>();

/** The last pair with the key: of duplicates, that is the one whose value counts. */
function pairOf(items: readonly Pair[], key: PropertyKey): Pair | undefined {
  const index =
    indexes.get(items) ??
    new Map(items.flatMap((pair) => (isScalar(pair.key) ? [[String(pair.key.value), pair] as const] : [])));
  indexes.set(items, index);
  return index.get(String(key));
}

function startOf(node: unknown): number {
  const range = (node as { range?: readonly number[] | null } | null | undefined)?.range;
  return range?.[0] ?? 0;
}
