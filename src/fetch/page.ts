import { bodyOf } from "./body.ts";
import { isFailure, statusFailure } from "./failures.ts";
import type { Failure } from "./failures.ts";
import { send } from "./http.ts";
import type { Answer, NetworkOptions } from "./http.ts";
import { runOf } from "./run.ts";

/** A page of a registry. */
export interface Page {
  readonly text: string;
  readonly answer: Answer;
}

/** What reading a page needs to know. */
export type PageOptions = NetworkOptions & {
  /** Whole time allowed for a page that is asked for, in seconds; without it each phase is bounded, and that it comes. */
  readonly pageSeconds?: number;
};

const longest = 64 * 1024 * 1024;

/** Reads a page once in a run, however often it is asked for. A failure that may pass is forgotten, so that it can be asked for again. */
export async function readPage(
  url: URL,
  headers: Readonly<Record<string, string>>,
  options: PageOptions,
): Promise<Page | Failure> {
  const { pages } = runOf(options);
  const known = pages.get(url.href) as Promise<Page | Failure> | undefined;
  if (known !== undefined) return known;
  const asked = ask(url, headers, options);
  pages.set(url.href, asked);
  const page = await asked;
  if (isFailure(page) && page.retry) pages.delete(url.href);
  return page;
}

async function ask(url: URL, headers: Readonly<Record<string, string>>, options: PageOptions): Promise<Page | Failure> {
  const { pageSeconds: seconds } = options;
  const answer = await send({ url, headers, ...(seconds === undefined ? {} : { seconds }) }, options);
  if (isFailure(answer)) return answer;
  if (answer.status !== 200) {
    answer.body.destroy();
    return statusFailure(answer.status, answer.header("retry-after"));
  }
  const body = await bodyOf(answer, { longest, what: "the page of the index" }, options);
  return isFailure(body) ? body : { text: body.toString("utf8"), answer };
}
