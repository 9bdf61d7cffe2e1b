import path from "node:path";

/** One value of a TOML document: its full key and its text as written, without comments. */
interface Entry {
  readonly key: readonly string[];
  readonly value: string;
}

/** Tables of cargo's configuration that say where crates come from and how to get there. */
const kept = new Set(["source", "registries", "registry", "http", "net"]);

/** Values that are secrets, or programs that hand them out. */
const secret = new Set([
  "token",
  "secret-key",
  "secret-key-subject",
  "credential-provider",
  "global-credential-providers",
]);

/** Values that are paths. Cargo takes relative ones from the folder above the one that holds the configuration file. */
const paths = new Set(["directory", "local-registry", "cainfo", "proxy-cainfo"]);

/**
 * The part of a cargo configuration (TOML) that a build may see: where crates come from, without credentials. Relative paths are made
 * absolute from `base`, the folder above the one that holds the file. Gives TOML, empty when nothing remains, and the top-level keys that
 * were left out. What cannot be read is left out.
 */
export function filterCargoConfig(
  text: string,
  base: string,
): { readonly text: string; readonly left: readonly string[] } {
  const entries = cargoEntries(text);
  const lines = entries
    .filter(({ key }) => kept.has(key[0] ?? "") && !key.some((part) => secret.has(part)))
    .map(
      ({ key, value }) =>
        `${key.map(quoteKey).join(".")} = ${paths.has(key.at(-1) ?? "") ? absolute(value, base) : value}\n`,
    );
  const left = new Set(entries.flatMap(({ key }) => (kept.has(key[0] ?? "") ? [] : [key[0] ?? ""])));
  return { text: lines.join(""), left: [...left] };
}

/** Every value of a document, inline tables taken apart. What lies in arrays of tables is told by the array's key alone. */
export function cargoEntries(text: string): Entry[] {
  const entries: Entry[] = [];
  let table: readonly string[] | null = [];
  for (const statement of splitOutside(text, "\n")) {
    if (!statement.startsWith("[")) {
      if (table !== null) entries.push(...readPair(statement, table));
      continue;
    }
    const parsed = readKey(statement.replace(/^\[\[?/, ""));
    const isArray = statement.startsWith("[[");
    if (isArray && parsed !== null && !kept.has(parsed.key[0] ?? "")) entries.push({ key: parsed.key, value: "" });
    table = parsed === null || isArray || parsed.rest !== "]" ? null : parsed.key;
  }
  return entries;
}

function readPair(statement: string, table: readonly string[]): Entry[] {
  const parsed = readKey(statement);
  if (parsed === null || !parsed.rest.startsWith("=")) return [];
  const key = [...table, ...parsed.key];
  const value = parsed.rest.slice(1).trim();
  if (!value.startsWith("{")) return value === "" ? [] : [{ key, value }];
  if (!value.endsWith("}")) return [];
  return splitOutside(value.slice(1, -1), ",").flatMap((pair) => readPair(pair, key));
}

/** A dotted key at the beginning of a text, and what follows it; null when there is none. */
function readKey(text: string): { readonly key: readonly string[]; readonly rest: string } | null {
  const part = /\s*(?:([A-Za-z0-9_-]+)|("(?:[^"\\\n]|\\.)*")|'([^'\n]*)')\s*(\.?)/y;
  const key: string[] = [];
  for (;;) {
    const match = part.exec(text);
    if (match === null) return null;
    const [, bare, basic, literal, dot] = match;
    const name = bare ?? literal ?? stringOf(basic ?? "");
    if (name === null) return null;
    key.push(name);
    if (dot === "") return { key, rest: text.slice(part.lastIndex).trim() };
  }
}

/** The pieces of a text between separators that lie outside of strings and brackets, without comments. The piece with a string that does not end is left out, and all after it. */
function splitOutside(text: string, separator: string): string[] {
  const token = /"""(?:[^\\]|\\[\s\S])*?"{3,5}|'''[\s\S]*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*|[\s\S]/y;
  const pieces: string[] = [];
  let piece = "";
  let depth = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [part] = match;
    if (part === '"' || part === "'") return pieces.filter((entry) => entry !== "");
    if (part === "[" || part === "{") depth += 1;
    else if (part === "]" || part === "}") depth -= 1;
    if (part === separator && depth === 0) {
      pieces.push(piece.trim());
      piece = "";
    } else if (!part.startsWith("#")) piece += part;
  }
  return [...pieces, piece.trim()].filter((entry) => entry !== "");
}

function quoteKey(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
}

function absolute(value: string, base: string): string {
  const literal = /^'([^'\n]*)'$/.exec(value)?.[1];
  const file = literal ?? (/^"(?!"")/.test(value) ? stringOf(value) : null);
  return file === null ? value : JSON.stringify(path.resolve(base, file));
}

/** What a basic string of TOML stands for, as far as JSON has the same escapes; null for one with others. */
function stringOf(text: string): string | null {
  try {
    return JSON.parse(text) as string;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
