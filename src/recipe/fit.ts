import { isLoopback } from "../address.ts";
import type { TextFile } from "./document.ts";
import { refuse, type Problem } from "./problems.ts";
import { siteSpan } from "./site.ts";
import type { Site, Stack } from "./types.ts";

/** The named curves of TLS (RFC 4492, section 5.1.1) by OpenSSL's names: all that OpenSSL 1.0.1 and 1.1.1 can use in a handshake. */
const classicCurves =
  "sect163k1 sect163r1 sect163r2 sect193r1 sect193r2 sect233k1 sect233r1 sect239k1 sect283k1 sect283r1 sect409k1 sect409r1 " +
  "sect571k1 sect571r1 secp160k1 secp160r1 secp160r2 secp192k1 prime192v1 secp224k1 secp224r1 secp256k1 prime256v1 secp384r1 secp521r1";
/** The least for a server in service (RFC 9325, "Public Key Length"). */
const leastDhBits = 2048;

/** What only a server of today has, as a site file writes it. */
const ofToday = ["sni", "tickets", "ocsp", "access-log", "workers", "limits"] as const;

/** What a site is checked with. */
interface Fit {
  /** The site file's text; null: there is none. */
  readonly file: TextFile | null;
  /** Whether the user insists on an address that others reach. */
  readonly exposed: (address: string) => boolean;
}

/**
 * Checks what a site asks for against what its stack is: an old system that is reproduced cannot do what is asked of one in service, and the
 * other way round. Throws one ForgeError `site-invalid` whose `details` hold every problem.
 */
export function checkFit(site: Site, stack: Stack, fit: Fit): void {
  const at = locator(fit.file);
  const problems = stack.purpose === "reproduction" ? reproduced(site, fit, at) : inService(site, at);
  if (problems.length > 0) refuse("site-invalid", problems);
}

type Locate = (...path: readonly (string | number)[]) => Problem["span"];

function locator(file: TextFile | null): Locate {
  return (...path) => {
    const span = file === null ? null : siteSpan(file, ...path);
    return span ?? { file: file?.path ?? "site", line: 1, column: 1 };
  };
}

/** What only a stack of reproduction knows, and what today's TLS does not go with. */
function inService({ server }: Site, at: Locate): Problem[] {
  const problems: Problem[] = [];
  if (server.dhe !== null && server.dhe.kind !== "off") problems.push(...dheInService(server, at));
  if (server.curve !== null)
    problems.push({
      message: "server.curve is for a server that has one curve only",
      span: at("server", "curve"),
      hint: "leave it out, or use a stack whose purpose is reproduction",
    });
  return problems;
}

/** DHE suites are TLS 1.2's, and authenticated by RSA (RFC 5288, RFC 7905). */
function dheInService({ dhe, profile, certificate }: Site["server"], at: Locate): Problem[] {
  const problems: Problem[] = [];
  const span = at("server", "dhe");
  if (dhe?.kind === "generate" && dhe.bits < leastDhBits)
    problems.push({
      message: `Diffie-Hellman parameters of ${dhe.bits} bits are too weak for a server in service`,
      span,
      expected: `${leastDhBits} bits or more`,
      hint: `dhe: { generate: ${leastDhBits} }, or dhe: ffdhe3072, which needs nothing made`,
    });
  if (profile === "modern")
    problems.push({
      message: "profile modern speaks TLS 1.3 alone, which has no DHE suites",
      span,
      hint: "leave dhe out, or use profile: intermediate",
    });
  if (certificate.kind === "local-ca" && !certificate.keys.includes("rsa"))
    problems.push({
      message: "DHE suites need a certificate with an RSA key, and this one is to have none",
      span,
      hint: "certificate: { local-ca: true, keys: [ecdsa, rsa] } issues one of each",
    });
  return problems;
}

function reproduced({ server, host }: Site, { file, exposed }: Fit, at: Locate): Problem[] {
  const problems: Problem[] = [];
  const written = (...path: readonly string[]): boolean => file !== null && siteSpan(file, ...path) !== null;
  for (const key of ["listen", "redirect"] as const)
    for (const [index, address] of server[key].entries())
      if (!isLoopback(address) && !exposed(address))
        problems.push({
          message: `"${address}" can be reached by others, and this stack is vulnerable`,
          span: at("server", key, index),
          expected: "an address of loopback, such as 127.0.0.1:8443",
          hint: "--i-know-this-is-vulnerable listens there all the same",
        });
  if (written("server", "profile"))
    problems.push({
      message: `profile ${server.profile} needs TLS 1.3 or suites that this stack has not: its policy is that of 2013`,
      span: at("server", "profile"),
      hint: "leave the profile out",
    });
  if (server.hsts.preload)
    problems.push({
      message: "the preload list is for servers in service, and this stack is vulnerable",
      span: at("server", "hsts", "preload"),
      hint: "leave preload out",
    });
  else if (written("server", "hsts"))
    problems.push({
      message: "this server sends no Strict-Transport-Security: that of 2013 did not either",
      span: at("server", "hsts"),
      hint: "leave hsts out",
    });
  if (server.curve !== null && !classicCurves.split(" ").includes(server.curve))
    problems.push({
      message: `"${server.curve}" is no curve that this OpenSSL has for TLS`,
      span: at("server", "curve"),
      expected: `one of ${classicCurves.replaceAll(" ", ", ")}`,
    });
  if (server.dhe?.kind === "off")
    problems.push({
      message: "three of the six suites of 2013 need Diffie-Hellman parameters",
      span: at("server", "dhe"),
      expected: "generate with a number of bits (2048 by default), or file with a PEM file",
    });
  if (server.dhe?.kind === "group")
    problems.push({
      message: `this server takes Diffie-Hellman parameters from a file, and ${server.dhe.group} by no name`,
      span: at("server", "dhe"),
      expected: "generate with a number of bits (2048 by default), or file with a PEM file",
    });
  for (const key of ofToday)
    if (written("server", key))
      problems.push({
        message: `this server has no ${key}: that of 2013 did not either`,
        span: at("server", key),
        hint: `leave ${key} out`,
      });
  if (server.certificate.kind === "local-ca" && written("server", "certificate", "keys"))
    problems.push({
      message: "this server has one certificate, with an RSA key",
      span: at("server", "certificate", "keys"),
      hint: "leave keys out",
    });
  if (server.app.kind !== "about")
    problems.push({
      message: `this server has no app ${server.app.kind}: it echoes WebSocket messages`,
      span: at("server", "app"),
    });
  if (host.service !== "auto" && host.service !== "none")
    problems.push({
      message: `what is only reproduced is no service of ${host.service}: it runs in the background`,
      span: at("host", "service"),
      expected: "auto or none",
    });
  return problems;
}
