/** What HTTP adds to TLS: strict transport, the redirect from port 80, compression and headers that protect. */
import type { HttpSeen, Observations, Target } from "../../probe/index.ts";
import type { Finding } from "../types.ts";
import { remark } from "./remark.ts";

export function httpFindings(observations: Observations): readonly Finding[] {
  return [
    preload(observations),
    redirect(observations),
    breach(observations),
    securityHeaders(observations),
    http3(observations),
  ];
}

/** A year, in seconds: what the preload list asks for. */
const preloadAge = 31_536_000;

/** The rules of the list that browsers ship: a year, subdomains, the word itself, and a redirect to HTTPS. */
function preload({ http, redirect: from80 }: Observations): Finding {
  const topic = {
    id: "hsts-preload",
    title: "HSTS preload",
    reference: "https://hstspreload.org, submission requirements",
  };
  return remark(topic, http, ({ hsts }) => {
    if (!hsts.present) return { message: "HSTS preload: no policy is sent" };
    const insecure = from80.state === "observed" && !isSecure(from80.value);
    const lacking = [
      ...((hsts.maxAge ?? 0) < preloadAge ? [`max-age below ${preloadAge}`] : []),
      ...(hsts.includeSubdomains ? [] : ["no includeSubDomains"]),
      ...(hsts.preload ? [] : ["no preload"]),
      ...(insecure ? ["no redirect from port 80 to HTTPS"] : []),
      ...hsts.problems,
    ];
    const evidence = hsts.raw ?? "";
    if (lacking.length === 0) return { message: "The policy is fit for the preload list", evidence, fine: true };
    // Who writes preload wants to be on the list; who does not, need not.
    const severity = hsts.preload ? "low" : "info";
    return { message: `The policy is not fit for the preload list: ${lacking.join(", ")}`, evidence, severity };
  });
}

function redirect({ redirect: outcome }: Observations): Finding {
  const topic = { id: "redirect", title: "Redirect from port 80", reference: "RFC 6797, section 7.2" };
  return remark(topic, outcome, (location) => {
    if (isSecure(location)) return { message: "Port 80 leads to HTTPS", evidence: location ?? "", fine: true };
    const fix = "Answer port 80 with a redirect to the same address with https";
    const message =
      location === null ? "Port 80 answers without leading to HTTPS" : "Port 80 leads to an address without TLS";
    return { message, evidence: location ?? "", severity: "low", fix };
  });
}

const isSecure = (location: string | null): boolean => location !== null && /^https:/i.test(location);

/** Compression alone is no flaw: an attacker's text and a secret must stand in one answer. */
function breach({ http }: Observations): Finding {
  const topic = { id: "breach", title: "BREACH", reference: "CVE-2013-3587" };
  return remark(topic, http, (seen) => {
    const encoding = header(seen, "content-encoding");
    if (encoding === null || /^identity$/i.test(encoding))
      return { message: "BREACH: the answer that was looked at is not compressed", fine: true };
    return {
      message: "Answers are compressed: BREACH threatens pages that repeat what a client sent beside a secret",
      evidence: `content-encoding: ${encoding}`,
      severity: "low",
      fix: "Do not compress pages with secrets, or mask the secrets anew each time",
    };
  });
}

function securityHeaders({ http }: Observations): Finding {
  const topic = {
    id: "security-headers",
    title: "Headers that protect",
    reference: "https://owasp.org/www-project-secure-headers",
  };
  return remark(topic, http, (seen) => {
    const policy = header(seen, "content-security-policy");
    const framed = header(seen, "x-frame-options") !== null || /frame-ancestors/i.test(policy ?? "");
    const lacking = [
      ...(policy === null ? ["Content-Security-Policy"] : []),
      ...(/^nosniff$/i.test(header(seen, "x-content-type-options") ?? "") ? [] : ["X-Content-Type-Options: nosniff"]),
      ...(framed ? [] : ["X-Frame-Options, or frame-ancestors"]),
      ...(header(seen, "referrer-policy") === null ? ["Referrer-Policy"] : []),
    ];
    return lacking.length === 0
      ? { message: "The usual protecting headers are sent", fine: true }
      : { message: `Protecting headers that are not sent: ${lacking.join(", ")}` };
  });
}

function header({ headers }: HttpSeen, name: string): string | null {
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1] ?? null;
}

/** What is named on UDP is QUIC; that HTTP is spoken over it, only Alt-Svc says. */
function http3({ http3: outcome, target }: Observations): Finding {
  const topic = {
    id: "http3",
    title: "HTTP/3",
    reference: "RFC 9114, section 3.1; RFC 7838, section 3; RFC 9000, section 6",
  };
  return remark(topic, outcome, ({ versions, advertised }) => {
    const field = advertised.state === "observed" ? advertised.value : null;
    const evidence = field === null ? "" : `Alt-Svc: ${field}`;
    if (versions !== null) {
      const names = versions.length === 0 ? "only reserved versions are named" : versions.join(", ");
      return { message: `QUIC is answered on UDP: ${names}`, evidence };
    }
    const closed = "the UDP port of the same number is closed";
    if (field === null) return { message: `QUIC is not offered: ${closed}` };
    const place = placeOf(field, target);
    if (place === "here") return { message: `HTTP/3 is advertised, and ${closed}`, evidence };
    return {
      message:
        place === "elsewhere"
          ? `HTTP/3 is advertised elsewhere, which was not asked; ${closed}`
          : `HTTP/3 is advertised at an address that cannot be read; ${closed}`,
      evidence,
    };
  });
}

/** Where an alternative is (RFC 7838, 3), by the port that was asked; one without a host is on the same one. Null where it cannot be read. */
function placeOf(alternative: string, { host, serverName, port }: Target): "here" | "elsewhere" | null {
  const [, name, digits] = /^[^=]+="([^"]*):(\d{1,5})"/.exec(alternative) ?? [];
  if (name === undefined) return null;
  const names = ["", plainName(host), plainName(serverName)];
  return Number(digits) === port && names.includes(plainName(name)) ? "here" : "elsewhere";
}

function plainName(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
}
