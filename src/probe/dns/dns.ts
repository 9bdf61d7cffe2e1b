import { getServers } from "node:dns";

import { DecodeError } from "../../wire/index.ts";
import { printable } from "../http/http.ts";
import type { Look } from "../look.ts";
import { failed, notApplicable, observed, untestable } from "../outcome.ts";
import type { CaaRecordSeen, CaaSeen, HttpsSeen, Outcome, TlsaRecordSeen } from "../types.ts";
import { readHttpsRecord } from "./https-record.ts";
import type { DnsAnswer, Question } from "./message.ts";
import { resolve, type Resolving } from "./resolver.ts";

/** What is in the DNS, before it is compared with what the server sends. */
export interface DnsFound {
  readonly caa: Outcome<CaaSeen>;
  readonly tlsa: Outcome<TlsaFound>;
  readonly https: Outcome<HttpsSeen>;
}

interface TlsaFound {
  readonly name: string;
  readonly authenticated: boolean;
  readonly records: readonly Omit<TlsaRecordSeen, "matches">[];
}

/** For all queries together, in milliseconds. */
const allMs = 2000;
/** A name of more labels is not climbed: none in use has as many, and each is a query. */
const mostLabels = 16;

/**
 * Asks the resolvers of this machine for the records about `name` that concern TLS, all at once. Connections to the target: none: the queries go to the
 * resolvers, so that neither pace nor gentleness, which are for the target's sake, hold them up. Takes at most `allMs`, nearly all of it where the resolvers
 * are silent.
 */
export async function askDns(look: Look, name: string): Promise<DnsFound> {
  const servers = look.dnsServers ?? getServers();
  if (servers.length === 0) {
    const none = untestable("this machine has no resolver of names");
    return { caa: none, tlsa: none, https: none };
  }
  const { random, signal } = look;
  const resolving: Resolving = { servers, random, signal, end: performance.now() + Math.min(allMs, look.leftMs()) };
  const [caa, tlsa, https] = await Promise.all([
    findCaa(name, resolving),
    findTlsa(`_${look.target.port}._tcp.${name}`, resolving),
    look.startTls === null
      ? findHttps(look.target.port === 443 ? name : `_${look.target.port}._https.${name}`, resolving)
      : notApplicable("HTTPS records are about HTTP"),
  ]);
  return { caa, tlsa, https };
}

/** RFC 8659, 3: the set of the name, else of the nearest name above it that has one. All are asked at once: one after the other would take too long. */
async function findCaa(name: string, of: Resolving): Promise<Outcome<CaaSeen>> {
  const labels = name.split(".");
  if (labels.length > mostLabels) return untestable(`the name has more than ${mostLabels} labels`);
  const names = labels.map((_, index) => labels.slice(index).join("."));
  const all = await Promise.all(names.map((each) => ask({ name: each, type: "CAA" }, { ...of, read: readCaa })));
  for (const [index, found] of all.entries()) {
    // A nearer name that is not known could have a set of its own.
    if (found.state !== "observed") return found;
    const { authenticated, records } = found.value;
    if (records.length > 0) return observed({ name: names[index] ?? null, authenticated, records });
  }
  return observed({
    name: null,
    authenticated: all.every((found) => found.state === "observed" && found.value.authenticated),
    records: [],
  });
}

/** RFC 6698, 3. */
async function findTlsa(name: string, of: Resolving): Promise<Outcome<TlsaFound>> {
  const found = await ask({ name, type: "TLSA" }, { ...of, read: readTlsa });
  return found.state === "observed" ? observed({ name, ...found.value }) : found;
}

/** RFC 9460, 9.1: the name itself for port 443. */
async function findHttps(name: string, of: Resolving): Promise<Outcome<HttpsSeen>> {
  const found = await ask({ name, type: "HTTPS" }, { ...of, read: (data) => readHttpsRecord(data as Uint8Array) });
  if (found.state !== "observed") return found;
  const { authenticated, records } = found.value;
  return observed({ name, authenticated, records: records.toSorted((one, other) => one.priority - other.priority) });
}

async function ask<T>(
  question: Question,
  of: Resolving & { readonly read: (data: unknown) => T },
): Promise<Outcome<{ readonly authenticated: boolean; readonly records: readonly T[] }>> {
  const resolved = await resolve(question, of);
  if (resolved.kind === "failed") return failed(`DNS, ${question.type} of ${question.name}: ${resolved.why}`);
  const { authenticated, data }: DnsAnswer = resolved.answer;
  try {
    return observed({ authenticated, records: data.map(of.read) });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return failed(`DNS, ${question.type} of ${question.name}: ${error.message}`);
  }
}

/** As the codec has them; a record that it could not take apart does not come this far. */
function readCaa(data: unknown): CaaRecordSeen {
  const { flags, tag, value } = data as { flags: number; tag: string; value: string };
  return { critical: (flags & 128) !== 0, tag: printable(tag).toLowerCase(), value: printable(value) };
}

function readTlsa(data: unknown): Omit<TlsaRecordSeen, "matches"> {
  const found = data as { usage: number; selector: number; matchingType: number; certificate: Buffer };
  const { usage, selector, matchingType: matching, certificate } = found;
  return { usage, selector, matching, data: certificate.toString("hex") };
}
