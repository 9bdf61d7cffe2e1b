import { domainToASCII } from "node:url";
import { isIP } from "node:net";

import type { Look } from "../look.ts";
import { notApplicable, untestable, valueOf, type Unknown } from "../outcome.ts";
import type { Observations } from "../types.ts";
import type { DnsFound } from "./dns.ts";

/** Probe `dns`. Needs: nothing. Gives: records about the target's name. Connections to the target: none; queries: none where there is no name to ask about. */
export async function probeDns(look: Look): Promise<DnsFound> {
  const name = nameOf(look);
  if (typeof name !== "string") return { caa: name, tlsa: name, https: name };
  return (await import("./dns.ts")).askDns(look, name);
}

/** TLSA records compared with the chains that were sent; `leftOut` is why those are not all there, or null. */
export async function withMatches(
  found: DnsFound,
  of: { readonly flights: Look["flights"]; readonly leftOut: string | null },
): Promise<Observations["dns"]> {
  const seen = valueOf(found.tlsa);
  if (seen === undefined) return { ...found, tlsa: found.tlsa as Unknown };
  const { compareWith } = await import("./tlsa.ts");
  const chains = of.flights.flatMap(({ certificates }) => (certificates?.length ? [certificates] : []));
  const matchesOf = compareWith(chains);
  const records = seen.records.map((record) => ({
    ...record,
    matches: of.leftOut === null ? matchesOf(record) : untestable(of.leftOut),
  }));
  return { ...found, tlsa: { state: "observed", value: { ...seen, records } } };
}

/** Names that are never to be looked up in the DNS: RFC 6761, 6.3 and 6.4; RFC 6762, 3; RFC 7686, 2. */
const special = /^(?:.*\.)?(?:localhost|invalid|local|onion)$/;

function nameOf({ target, isProxied }: Look): string | Unknown {
  if (isIP(target.host.replace(/%.*$/, "")) > 0) return notApplicable("the target is an address, not a name");
  const name = domainToASCII(target.host.replace(/\.$/, ""));
  if (name === "") return untestable("the name cannot be written for the DNS");
  if (!name.includes(".") || special.test(name)) return notApplicable(`${name} is no name of the public DNS`);
  // What the name means is the proxy's to say; asking here would also give the target away.
  return isProxied ? untestable("the proxy resolves the name") : name;
}
