import { ascii, concat, DecodeError, latin1 } from "../../wire/index.ts";
import { answerOf, describeAnswer } from "../client/answer.ts";
import { parseCookie, preloadProblems, securityHeaders } from "./http-headers.ts";
import { failed, observed, untestable } from "../outcome.ts";
import type { SecureSession } from "../client/session.ts";
import type { HttpSeen, Outcome, Target } from "../types.ts";

/** Headers beyond this are not read. */
const maxHead = 2 ** 16;

/** Asks for `/` on a secure session and reads the head of the response (RFC 9112). How it fails is an outcome too. */
export async function askHttp(session: SecureSession, target: Target): Promise<Outcome<HttpSeen>> {
  session.send(httpRequest(target));
  try {
    return observed(parseHead(await readHead(session)));
  } catch (error) {
    const answer = answerOf(error);
    const why = `HTTP: ${describeAnswer(answer)}`;
    return answer.kind === "skipped" ? untestable(why) : failed(why);
  }
}

/** A request for `/` that offers to take a compressed response, as browsers do. */
export function httpRequest(target: Target): Uint8Array {
  return ascii(
    `GET / HTTP/1.1\r\nHost: ${hostHeader(target)}\r\nUser-Agent: tlsforge\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: close\r\n\r\n`,
  );
}

/** Takes the head of an HTTP response apart. Throws DecodeError when it is none. */
export function parseHead(head: string): HttpSeen {
  const [statusLine = "", ...lines] = head.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1];
  if (status === undefined) throw new DecodeError("the answer is not HTTP/1");
  const headers: Record<string, string> = {};
  const hstsFields: string[] = [];
  const cookies: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = printable(line.slice(colon + 1).trim());
    if (name === "strict-transport-security") hstsFields.push(value);
    if (name === "set-cookie") cookies.push(value);
    headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${value}` : value;
  }
  return {
    status: Number(status),
    hsts: parseHsts(hstsFields),
    headers,
    security: securityHeaders(headers),
    cookies: cookies.map(parseCookie),
  };
}

/** Strict-Transport-Security (RFC 6797, 6.1 and 8.1): of several fields the first counts; max-age is required; no directive may occur twice. */
export function parseHsts(fields: readonly string[]): HttpSeen["hsts"] {
  const [raw] = fields;
  const problems = fields.length > 1 ? ["the header occurs more than once"] : [];
  if (raw === undefined)
    return {
      present: false,
      raw: null,
      maxAge: null,
      includeSubdomains: false,
      preload: false,
      problems,
      preloadProblems: ["the header is not sent"],
    };
  const directives = new Map<string, string>();
  for (const part of raw.split(";")) {
    const { name, value, problem } = parseDirective(part);
    if (problem !== undefined) problems.push(problem);
    if (name === "") continue;
    if (directives.has(name)) problems.push(`the directive ${name} occurs more than once`);
    else directives.set(name, value);
  }
  const age = directives.get("max-age");
  const isNumber = age !== undefined && /^\d+$/.test(age);
  if (age === undefined) problems.push("max-age is missing");
  else if (!isNumber) problems.push(`max-age is not a number: ${age}`);
  const seen = {
    maxAge: isNumber ? Math.min(Number(age), Number.MAX_SAFE_INTEGER) : null,
    includeSubdomains: directives.has("includesubdomains"),
    preload: directives.has("preload"),
  };
  return { present: true, raw, ...seen, problems, preloadProblems: [...problems, ...preloadProblems(seen)] };
}

function parseDirective(part: string): { name: string; value: string; problem?: string } {
  const text = part.trim();
  if (text === "") return { name: "", value: "" };
  const match = /^([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"([^"]*)"|([!#$%&'*+.^_`|~\w-]+)))?$/.exec(text);
  if (match === null) return { name: "", value: "", problem: `not a directive: ${text}` };
  return { name: (match[1] ?? "").toLowerCase(), value: match[2] ?? match[3] ?? "" };
}

async function readHead(session: SecureSession): Promise<string> {
  let bytes: Uint8Array = new Uint8Array(0);
  for (;;) {
    bytes = concat(bytes, await session.receive());
    const text = latin1(bytes);
    const end = text.indexOf("\r\n\r\n");
    if (end >= 0) return text.slice(0, end);
    if (bytes.length >= 5 && !text.startsWith("HTTP/")) throw new DecodeError("the answer is not HTTP/1");
    if (bytes.length > maxHead) throw new DecodeError(`more than ${maxHead} bytes of headers`);
  }
}

function hostHeader(target: Target): string {
  const name = target.serverName || (target.address.includes(":") ? `[${target.address}]` : target.address);
  return target.port === 443 ? name : `${name}:${target.port}`;
}

/** Everything but printable ASCII as escapes: what a server sends is never printed raw. */
export function printable(text: string): string {
  return text.replaceAll(/[^ -~]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
