import { errnoOf } from "./problems.ts";
import type { Run } from "./run.ts";

/** Why a request did not deliver. `retry`: asking again may help. `down`: nobody answered at all. */
export interface Failure {
  readonly reason: string;
  readonly retry: boolean;
  readonly down: boolean;
  /** It took a time-out to find out. */
  readonly slow?: boolean;
  /** Seconds that the server asks to wait. */
  readonly retryAfter?: number;
  /** Digest of what came, when it is not the one that was asked for. */
  readonly mismatch?: string;
}

/** Tells a failure from what was asked for. */
export function isFailure(value: object): value is Failure {
  return "reason" in value && "retry" in value;
}

/** A failure that comes again on every try. */
export function lasting(reason: string): Failure {
  return { reason, retry: false, down: false };
}

/** A failure that may pass. */
export function passing(reason: string): Failure {
  return { reason, retry: true, down: false };
}

/**
 * Classifies an error of a connection to `host`. A host that cannot be reached and never answered in this run is
 * marked as dead, so that it costs its time-out only once.
 */
export function failureOf(error: unknown, host: string, run: Run): Failure {
  const code = errnoOf(error) ?? "";
  const name = errorNames[code] ?? (code.startsWith("HPE_") ? "its answer breaks the rules of HTTP" : undefined);
  const described = name === undefined ? errorText(error, code) : `${name} (${code})`;
  const slow = isConnectTimeout(error);
  if (!slow && !unreachable.has(code))
    return {
      reason: described,
      retry: !permanent.has(code),
      down: false,
      ...(code === "ETIMEDOUT" ? { slow: true } : {}),
    };
  const reason = slow ? `no connection to ${host} in time` : described;
  // One more look-up for a resolver that says "try again"; a refusal of the name or a time-out is believed at once.
  const again = run.alive.has(host) || (code === "EAI_AGAIN" && !run.doubted.has(host));
  if (again) run.doubted.add(host);
  else run.dead.set(host, reason);
  return { reason, retry: again, down: true };
}

function errorText(error: unknown, code: string): string {
  const text = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, " ").trim();
  return code === "" || text.includes(code) ? text : `${text} (${code})`;
}

const errorNames: Readonly<Record<string, string>> = {
  ENOTFOUND: "the host's name cannot be resolved",
  EAI_AGAIN: "the host's name cannot be resolved",
  ECONNREFUSED: "the host refuses the connection",
  ECONNRESET: "the connection was cut",
  EHOSTUNREACH: "there is no way to the host",
  ENETUNREACH: "there is no network",
  ETIMEDOUT: "no answer in time",
  ERR_HTTP_CONTENT_LENGTH_MISMATCH: "another length was announced",
  // Of Node's parser (llhttp).
  HPE_CLOSED_CONNECTION: "more came after the end of the answer",
  HPE_HEADER_OVERFLOW: "the head of its answer is too long",
  HPE_INVALID_CONSTANT: "what answers there does not speak HTTP",
  HPE_INVALID_EOF_STATE: "its answer ends too early",
};

/** A failure for an answer whose status is not a success. `retryAfter` is the header's value. */
export function statusFailure(status: number, retryAfter: string | null): Failure {
  const name = statusNames[status];
  const failure: Failure = {
    reason: `answered ${status}${name === undefined ? "" : ` (${name})`}`,
    retry: passingStatus(status),
    down: false,
  };
  const seconds = retryAfter === null ? Number.NaN : Number(retryAfter);
  return seconds >= 0 ? { ...failure, retryAfter: seconds } : failure;
}

function passingStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

const statusNames: Readonly<Record<number, string>> = {
  401: "not authorised",
  403: "forbidden",
  404: "not found",
  407: "the proxy wants a password",
  410: "gone",
  429: "too many requests",
  451: "withheld for legal reasons",
  500: "server error",
  502: "bad gateway",
  503: "unavailable",
  504: "gateway time-out",
};

const unreachable = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_FAIL",
  "EAI_NODATA",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "EADDRNOTAVAIL",
]);

const permanent = new Set([
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_INVALID_URL",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "ERR_UNSUPPORTED_PROTOCOL",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** got names the phase that took too long in `event`. */
function isConnectTimeout(error: unknown): boolean {
  return (
    error instanceof Error &&
    "event" in error &&
    (error.event === "lookup" || error.event === "connect" || error.event === "secureConnect")
  );
}
