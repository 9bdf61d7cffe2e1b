import { isFailure, lasting } from "./failures.ts";
import type { Failure } from "./failures.ts";
import { isHttp } from "./locations.ts";
import { readPage } from "./page.ts";
import type { PageOptions } from "./page.ts";

/** A file as a simple index lists it. `sha256` is null when the index does not announce one. */
export interface IndexFile {
  readonly name: string;
  /** Absolute. Text, as pages list thousands of files of which one is wanted. */
  readonly url: string;
  readonly sha256: string | null;
  /** Where the index has the attestations of the file (PEP 740), absolute; null when it has none. */
  readonly provenance: string | null;
}

const accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/** Address of one file of a project: looked up in its page (PEP 503, PEP 691). Refused when the index announces another digest than ours. */
export async function findInIndex(
  { index, file, sha256 }: { index: URL; file: string; sha256: string },
  options: PageOptions,
): Promise<URL | Failure> {
  const files = await listed(index, options);
  if (isFailure(files)) return files;
  const entry = files.find((candidate) => candidate.name === file);
  if (entry === undefined) return lasting(`the index does not list ${file}`);
  if (entry.sha256 !== null && entry.sha256 !== sha256) {
    return {
      ...lasting(`the index announces other bytes for ${file}: expected SHA-256 ${sha256}, announced ${entry.sha256}`),
      mismatch: entry.sha256,
    };
  }
  return pointedTo(entry.url, index, file);
}

/** Address of the attestations of one file of a project (PEP 740), null when the index has none. */
export async function findProvenance(
  { index, file }: { index: URL; file: string },
  options: PageOptions,
): Promise<URL | Failure | null> {
  const files = await listed(index, options);
  if (isFailure(files)) return files;
  const address = files.find(({ name }) => name === file)?.provenance ?? null;
  return address === null ? null : pointedTo(address, index, `the attestations of ${file}`);
}

/** An address that an index gives, as far as one may follow it. */
function pointedTo(address: string, index: URL, what: string): URL | Failure {
  const url = new URL(address);
  if (!isHttp(url) || (index.protocol === "https:" && url.protocol !== "https:")) {
    return lasting(`the index points to ${url.protocol} for ${what}, which is refused`);
  }
  if (url.origin === index.origin) {
    url.username = index.username;
    url.password = index.password;
  }
  return url;
}

/** What a project's page lists. */
export async function listed(index: URL, options: PageOptions): Promise<readonly IndexFile[] | Failure> {
  const page = await readPage(index, { accept }, options);
  if (isFailure(page)) return page;
  const { text, answer } = page;
  return /json/.test(answer.header("content-type") ?? "")
    ? parseJsonIndex(text, answer.url)
    : parseHtmlIndex(text, answer.url);
}

/** The JSON form (PEP 691). */
export function parseJsonIndex(text: string, base: URL): readonly IndexFile[] | Failure {
  let page: unknown;
  try {
    page = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return lasting("the page of the index is not JSON, although it says so");
  }
  const files = isRecord(page) ? page["files"] : undefined;
  if (!Array.isArray(files)) return lasting("the page of the index has no list of files");
  return files.flatMap((entry: unknown) => {
    if (!isRecord(entry)) return [];
    const { filename, url: address, hashes, provenance } = entry;
    const url = typeof address === "string" ? URL.parse(address, base.href) : null;
    if (typeof filename !== "string" || url === null) return [];
    const digest = isRecord(hashes) ? hashes["sha256"] : undefined;
    const attested = typeof provenance === "string" ? URL.parse(provenance, base.href) : null;
    return [
      {
        name: filename,
        url: url.href,
        sha256: typeof digest === "string" ? digest.toLowerCase() : null,
        provenance: attested?.href ?? null,
      },
    ];
  });
}

/** The HTML form (PEP 503): anchors whose text is the file name, the digest in the fragment. */
export function parseHtmlIndex(text: string, base: URL): readonly IndexFile[] {
  return [...text.matchAll(/<a\b[^>]*?\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')[^>]*>([^<]*)<\/a\s*>/gi)].flatMap(
    ([, double, single, name]) => {
      const url = URL.parse(decoded(double ?? single ?? ""), base.href);
      if (url === null) return [];
      const digest = /^#sha256=([0-9a-f]{64})$/i.exec(url.hash)?.[1];
      url.hash = "";
      return [
        { name: decoded(name ?? "").trim(), url: url.href, sha256: digest?.toLowerCase() ?? null, provenance: null },
      ];
    },
  );
}

function decoded(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#39;": "'",
    "&#x27;": "'",
  };
  return text.replace(/&(?:amp|lt|gt|quot|#39|#x27);/g, (entity) => names[entity] ?? entity);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
