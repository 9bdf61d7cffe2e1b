import { isIP } from "node:net";
import { ForgeError } from "../errors.ts";

/** What a subject alternative name is, in the one spelling that is compared and written. */
export interface HostName {
  readonly kind: "DNS" | "IP";
  readonly value: string;
}

/** Names that every local certificate has, so that it can be tried on the machine itself. */
const own: readonly HostName[] = [
  { kind: "DNS", value: "localhost" },
  { kind: "IP", value: "127.0.0.1" },
  { kind: "IP", value: "::1" },
];

/** The names of a local certificate: those asked for, in order, then this machine's own; none twice. */
export function certificateNames(names: readonly string[]): HostName[] {
  const found = new Map<string, HostName>();
  for (const name of [...names.map(parseName), ...own]) found.set(nameText(name), name);
  return [...found.values()];
}

/** `DNS:…` or `IP:…`. */
export function nameText(name: HostName): string {
  return `${name.kind}:${name.value}`;
}

/** The names in node's text of a certificate's subject alternative name, as `nameText` writes them, sorted. */
export function namesOf(subjectAltName: string | undefined): string[] {
  const texts = (subjectAltName ?? "").split(", ").filter((text) => text !== "");
  return texts
    .map((text) => {
      if (text.startsWith("IP Address:")) return `IP:${canonicalIp(text.slice("IP Address:".length))}`;
      return text.startsWith("DNS:") ? `DNS:${text.slice(4).toLowerCase()}` : text;
    })
    .toSorted();
}

/** Whether a certificate for one of the `covered` names answers for a DNS name: itself, or `*` in place of its first label (RFC 9525, section 6.3). */
export function answersFor(covered: ReadonlySet<string>, name: string): boolean {
  const value = name.toLowerCase();
  return covered.has(`DNS:${value}`) || (/^[^*.]+\./.test(value) && covered.has(`DNS:${value.replace(/^[^.]+/, "*")}`));
}

function parseName(text: string): HostName {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (isIP(bare) !== 0) return { kind: "IP", value: canonicalIp(bare) };
  const label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?";
  const value = bare.toLowerCase();
  if (value.length > 253 || !new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})*$`).test(value)) {
    throw new ForgeError("site-invalid", `"${text}" is not a host name or an IP address`, {
      hint: "write names as they stand in DNS: letters, digits, hyphens and dots, other scripts in their xn-- form",
    });
  }
  return { kind: "DNS", value };
}

function canonicalIp(text: string): string {
  return isIP(text) === 6 ? new URL(`http://[${text}]/`).hostname.slice(1, -1) : text;
}
