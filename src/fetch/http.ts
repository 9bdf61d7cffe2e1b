import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { failureOf, isFailure, lasting } from "./failures.ts";
import type { Failure } from "./failures.ts";
import { withDefaults } from "./limits.ts";
import { isHttp, shown } from "./locations.ts";
import { runOf } from "./run.ts";
import type { FetchOptions } from "./types.ts";

/** The head of an answer. `body` is unread: consume or destroy it. */
export interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | null;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  readonly body: Readable;
}

/** What to ask for. */
export interface Ask {
  readonly url: URL;
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  /** Whole time allowed, in seconds; without it each phase is bounded, not their sum. */
  readonly seconds?: number;
}

/** The part of the options that a request needs. */
export type NetworkOptions = Pick<FetchOptions, "signal" | "environment" | "limits">;

const maxRedirects = 8;
const redirects = new Set([301, 302, 303, 307, 308]);

/**
 * Sends one request and waits for the head of the answer, following redirects to http or https, but never from https back to http.
 * No retries. A host that could not be reached is not asked again in the same run.
 */
export async function send(ask: Ask, options: NetworkOptions): Promise<Answer | Failure> {
  let url = ask.url;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const answer = await exchange({ ...ask, url }, options);
    if (isFailure(answer)) return answer;
    const to = answer.header("location");
    if (!redirects.has(answer.status) || to === null) return answer;
    answer.body.destroy();
    const next = redirectTarget(url, to);
    if (isFailure(next)) return next;
    url = next;
  }
  return lasting(`more than ${maxRedirects} redirects`);
}

function redirectTarget(from: URL, to: string): URL | Failure {
  const target = URL.parse(to, from.href);
  if (target === null) return lasting("a redirect to something that is not an address is refused");
  if (!isHttp(target)) return lasting(`a redirect to the scheme ${target.protocol} is refused`);
  if (from.protocol === "https:" && target.protocol === "http:")
    return lasting(`a redirect from https to http is refused (${shown(target)})`);
  // Credentials belong to the host they were given for; a redirect may bring none of its own.
  const stays = target.origin === from.origin;
  target.username = stays ? from.username : "";
  target.password = stays ? from.password : "";
  return target;
}

async function exchange(ask: Ask, options: NetworkOptions): Promise<Answer | Failure> {
  const run = runOf(options);
  const { host } = ask.url;
  const known = run.dead.get(host);
  if (known !== undefined) return { reason: `${known}, found earlier in this run`, retry: false, down: true };
  try {
    const answer = await request(ask, options);
    run.alive.add(host);
    return answer;
  } catch (error) {
    return failureOf(error, host, run);
  }
}

async function request(ask: Ask, options: NetworkOptions): Promise<Answer> {
  const { default: got } = await import("got");
  const limits = withDefaults(options.limits);
  const { agents } = runOf(options);
  const connect = limits.connectSeconds * 1000;
  const stream = got.stream(ask.url, {
    method: ask.method ?? "GET",
    // Bytes as they are stored: a tarball must not be unpacked on the way, and lengths must mean the file's.
    headers: { "user-agent": "tlsforge", "accept-encoding": "identity", ...ask.headers },
    decompress: false,
    followRedirect: false,
    throwHttpErrors: false,
    retry: { limit: 0 },
    timeout: {
      lookup: connect,
      connect,
      secureConnect: connect,
      response: limits.stallSeconds * 1000,
      ...(ask.seconds === undefined ? {} : { request: ask.seconds * 1000 }),
    },
    signal: options.signal,
    ...(agents === null ? {} : { agent: agents }),
  });
  // From the first moment: an error may come in the same turn as the head, before anyone has taken the answer, or after its reader has left. It
  // reaches whoever waits for the head or reads the body; nobody else may be ended by it.
  stream.on("error", () => undefined);
  const [head] = (await once(stream, "response")) as [{ statusCode: number; headers: IncomingHttpHeaders }];
  const header = (name: string): string | null => {
    const value = head.headers[name];
    return (Array.isArray(value) ? value[0] : value) ?? null;
  };
  return { status: head.statusCode, header, url: ask.url, body: stream };
}
