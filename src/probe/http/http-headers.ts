import type { CookieSeen, HttpSeen, SecurityHeaderSeen } from "../types.ts";

/** A year in seconds: what the list of preloaded hosts wants at least (hstspreload.org, submission requirements). */
const preloadAge = 31_536_000;

/** What a Strict-Transport-Security header lacks for the list of preloaded hosts (hstspreload.org, submission requirements). */
export function preloadProblems(hsts: Pick<HttpSeen["hsts"], "maxAge" | "includeSubdomains" | "preload">): string[] {
  return [
    ...(hsts.maxAge === null || hsts.maxAge < preloadAge ? [`max-age is below ${preloadAge}`] : []),
    ...(hsts.includeSubdomains ? [] : ["includeSubDomains is missing"]),
    ...(hsts.preload ? [] : ["preload is missing"]),
  ];
}

/** Values that browsers heed. Headers without an entry here have a grammar of their own, of which only emptiness is looked at. */
const valid: Readonly<Record<string, RegExp>> = {
  // Fetch, 3.5: anything but nosniff has no effect.
  "x-content-type-options": /^nosniff$/i,
  // RFC 7034; ALLOW-FROM is heeded by no browser of today.
  "x-frame-options": /^(?:deny|sameorigin)$/i,
  // Referrer Policy, 3: a list of which the last that is known counts.
  "referrer-policy":
    /^(?:[a-z-]+\s*,\s*)*(?:no-referrer|no-referrer-when-downgrade|same-origin|origin|strict-origin|origin-when-cross-origin|strict-origin-when-cross-origin|unsafe-url)$/i,
  // HTML, 7.1.3 and 7.1.4.
  "cross-origin-opener-policy":
    /^(?:same-origin|same-origin-allow-popups|noopener-allow-popups|unsafe-none)(?:\s*;.*)?$/,
  "cross-origin-embedder-policy": /^(?:require-corp|credentialless|unsafe-none)(?:\s*;.*)?$/,
  // Fetch, 3.7.
  "cross-origin-resource-policy": /^(?:same-origin|same-site|cross-origin)$/,
  "content-security-policy": /\S/,
  "permissions-policy": /\S/,
};

/** The headers that restrict what a page may do, sent or not. `headers` has lower-case names. */
export function securityHeaders(headers: Readonly<Record<string, string>>): SecurityHeaderSeen[] {
  return Object.entries(valid).map(([name, pattern]) => {
    const value = Object.hasOwn(headers, name) ? (headers[name] ?? null) : null;
    const isHeeded = value === null || pattern.test(value);
    return { name, value, problem: isHeeded ? null : "browsers do not know this value" };
  });
}

/** A Set-Cookie field without the cookie's value (RFC 6265, 5.2). */
export function parseCookie(field: string): CookieSeen {
  const [pair = "", ...attributes] = field.split(";");
  const named = attributes.map((attribute) => {
    const [name = "", value = ""] = attribute.split("=");
    return [name.trim().toLowerCase(), value.trim()] as const;
  });
  const sameSite = named.findLast(([name]) => name === "samesite")?.[1];
  return {
    name: (pair.split("=")[0] ?? "").trim(),
    secure: named.some(([name]) => name === "secure"),
    httpOnly: named.some(([name]) => name === "httponly"),
    sameSite: sameSite === undefined || sameSite === "" ? null : sameSite,
  };
}
