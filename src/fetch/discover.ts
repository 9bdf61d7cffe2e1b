import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { bodyOf } from "./body.ts";
import { isFailure, statusFailure } from "./failures.ts";
import type { Failure } from "./failures.ts";
import { send } from "./http.ts";
import type { NetworkOptions } from "./http.ts";
import { withDefaults } from "./limits.ts";
import { isHttp, normalisedProject } from "./locations.ts";
import { listed, parseHtmlIndex } from "./pypi.ts";
import { watch } from "./watch.ts";

/** What a question to a location gave; `untestable` when it did not answer it. */
export type Answered<Value> =
  | { readonly state: "observed"; readonly value: Value }
  | { readonly state: "untestable"; readonly reason: string };

/** Seconds that a whole download may take. */
const longestDownload = 900;
/** Bytes of a folder's listing. */
const longestListing = 64 * 1024 * 1024;

/** The names in the listing of a folder, as web servers give it: the last component of each link that can be decoded, a slash at the end left out. */
export async function listFolder(url: URL, options: NetworkOptions): Promise<Answered<readonly string[]>> {
  const answer = await send({ url }, options);
  if (isFailure(answer)) return untestable(answer);
  if (answer.status !== 200 || !/html/.test(answer.header("content-type") ?? "")) {
    answer.body.destroy();
    return untestable(answer.status === 200 ? { reason: "it is no listing" } : statusFailure(answer.status, null));
  }
  const body = await bodyOf(answer, { longest: longestListing, what: "the listing" }, options);
  if (isFailure(body)) return untestable(body);
  const links = parseHtmlIndex(body.toString("utf8"), answer.url).map(({ url: link }) => new URL(link));
  const here = links.filter((link) => link.host === answer.url.host);
  return observed(here.flatMap((link) => decoded(link.pathname.replace(/\/$/, "").split("/").at(-1) ?? "")));
}

/** A component of an address as it was before it was encoded; nothing where that cannot be said (RFC 3986, section 2.1). */
function decoded(component: string): readonly string[] {
  try {
    return [decodeURIComponent(component)];
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return [];
  }
}

/** Whether an address has something: 200 is yes, 404 and 410 are no, everything else is no answer. */
export async function hasFile(url: URL, options: NetworkOptions): Promise<Answered<boolean>> {
  const { checkSeconds: seconds } = withDefaults(options.limits);
  let answer = await send({ url, method: "HEAD", seconds }, options);
  // Some servers know no HEAD, and signed addresses are signed for GET alone.
  if (!isFailure(answer) && [400, 403, 405, 501].includes(answer.status)) {
    answer.body.destroy();
    answer = await send({ url, headers: { range: "bytes=0-0" }, seconds }, options);
  }
  if (isFailure(answer)) return untestable(answer);
  answer.body.destroy();
  if (answer.status === 200 || answer.status === 206) return observed(true);
  return answer.status === 404 || answer.status === 410
    ? observed(false)
    : untestable(statusFailure(answer.status, null));
}

/** Takes what an address has, whatever it is, to a new file, and tells its digest: for a source that no recipe knows yet. */
export async function takeUnknown(
  { url, to }: { readonly url: URL; readonly to: string },
  options: NetworkOptions,
): Promise<Answered<{ readonly sha256: string; readonly bytes: number }>> {
  const answer = await send({ url, seconds: longestDownload }, options);
  if (isFailure(answer)) return untestable(answer);
  if (answer.status !== 200) {
    answer.body.destroy();
    return untestable(statusFailure(answer.status, null));
  }
  const { maxBytes } = withDefaults(options.limits);
  const hash = createHash("sha256");
  const length = Number(answer.header("content-length") ?? Number.NaN);
  let bytes = 0;
  const watched = watch(answer, options);
  const counted = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      watched.passed(chunk.length);
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Error("is longer than what is taken at most");
      hash.update(chunk);
      yield chunk;
    }
  };
  try {
    await pipeline(answer.body, counted, createWriteStream(to));
  } catch (error) {
    return untestable(watched.stalled() ?? { reason: error instanceof Error ? error.message : String(error) });
  } finally {
    watched.end();
  }
  if (!Number.isNaN(length) && length !== bytes) return untestable({ reason: `sent ${bytes} of ${length} bytes` });
  return observed({ sha256: hash.digest("hex"), bytes });
}

/** A file of a project as the Python index lists it. */
export interface ProjectFile {
  readonly name: string;
  readonly url: URL;
  readonly sha256: string | null;
}

/** The files of a project of the Python index. */
export async function projectFiles(
  { index, project }: { readonly index: string; readonly project: string },
  options: NetworkOptions,
): Promise<Answered<readonly ProjectFile[]>> {
  const page = URL.parse(`${index.replace(/\/+$/, "")}/${normalisedProject(project)}/`);
  if (page === null || !isHttp(page))
    return untestable({ reason: "the Python package index is not reached by http or https" });
  const files = await listed(page, options);
  if (isFailure(files)) return untestable(files);
  return observed(
    files.map((file) => {
      const url = new URL(file.url);
      if (url.origin === page.origin) {
        url.username = page.username;
        url.password = page.password;
      }
      return { name: file.name, url, sha256: file.sha256 };
    }),
  );
}

function observed<Value>(value: Value): Answered<Value> {
  return { state: "observed", value };
}

function untestable({ reason }: Pick<Failure, "reason">): { readonly state: "untestable"; readonly reason: string } {
  return { state: "untestable", reason };
}
