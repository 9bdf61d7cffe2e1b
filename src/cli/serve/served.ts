/** What a server tells of its certificates, in words. */
import type { ServerStatus } from "../../server/index.ts";

type Certificates = ServerStatus["certificates"];

/** Lines for people: whom each is for, its end, its staple, and what is odd about it. */
export function certificateLines(certificates: Certificates): readonly string[] {
  return certificates.flatMap(({ names, kind, notAfter, staple, notes = [] }) => [
    `Certificate ${names.join(", ")}${kind === undefined ? "" : ` (${kind})`}, until ${notAfter}${staple === null ? "" : `; OCSP staple: ${staple}`}`,
    ...notes.map((note) => `            ${note}`),
  ]);
}

/** What must not be overlooked: a renewal that is due, by what the certificate says itself, and a staple that there ought to be. */
export function certificateWarnings(certificates: Certificates, program: string, now = new Date()): readonly string[] {
  return certificates.flatMap(({ names, notAfter, staple, renewAfter }) => {
    const whose = `the certificate for ${names.join(", ")}`;
    const due = renewAfter !== undefined && Date.parse(renewAfter) <= now.getTime();
    return [
      ...(due
        ? [
            `${whose} is due for renewal since ${renewAfter} and ends at ${notAfter}: renew it, then run ${program} reload (which renews the local authority's by itself)`,
          ]
        : []),
      ...(staple?.startsWith("none") === true ? [`${whose} is served without an OCSP staple: ${staple}`] : []),
    ];
  });
}
