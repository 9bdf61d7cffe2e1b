import { isIP } from "node:net";

import { ForgeError } from "../errors.ts";
import type { Random } from "../wire/index.ts";
import { describeAnswer, type Answer } from "./client/answer.ts";
import { assemble, assembleFailed } from "./assemble.ts";
import { valueOf } from "./outcome.ts";
import { runProbes, type Facts } from "./graph.ts";
import { createLook, type Look } from "./look.ts";
import { askModern } from "./suites/modern-suites.ts";
import { allProbes } from "./probes.ts";
import { addressesOf } from "./reach/addresses.ts";
import type { Pace } from "./reach/pace.ts";
import type { Recorder } from "./recording/recorder.ts";
import { settle } from "./suites/settle.ts";
import { createTrustStore } from "./certificates/trust.ts";
import type { Observations, Proxy, StartTls } from "./types.ts";

/** What to look at. `serverName` is the host where it is a name; `address` is looked up where it is missing. */
export interface ObserveTarget {
  readonly host: string;
  readonly port: number;
  readonly serverName?: string;
  readonly address?: string;
}

export interface ObserveOptions {
  /** PEM texts of anchors that the user trusts. */
  readonly ca?: readonly string[];
  /** PEM text of tlsforge's own CA. */
  readonly localCa?: string;
  /** PEM texts of public anchors, in place of the system's. */
  readonly systemCas?: readonly string[];
  /** For one connection, in milliseconds; 5,000 by default. */
  readonly timeoutMs?: number;
  /** For the whole look, in milliseconds; 60,000 by default. */
  readonly totalMs?: number;
  /** Connections that may be made; 800 by default. */
  readonly budget?: number;
  /** Two connections at once at most, with pauses. */
  readonly gentle?: boolean;
  /** How often connections may be begun; shared by all looks that are given the same one. */
  readonly pace?: Pace;
  readonly startTls?: StartTls;
  /** Where the same host may redirect from; port 80 beside port 443, else nothing is asked. */
  readonly plainPort?: number;
  /** What connections are made through; it resolves the name, so that the address of the target is not known. */
  readonly proxy?: Proxy;
  /** Resolvers that are asked for records about TLS, `ADDRESS` or `ADDRESS:PORT`; the machine's unless told. */
  readonly dnsServers?: readonly string[];
  /** Only addresses of this family. */
  readonly family?: 4 | 6;
  /** Whether to ask with many hellos at once; by the round trip unless told. */
  readonly isFar?: boolean;
  /** Keeps the bytes of all connections. */
  readonly recorder?: Recorder;
  readonly signal?: AbortSignal;
  readonly now: Date;
  readonly random: Random;
}

/**
 * Looks at a TLS server with every probe and records what was seen. Judges nothing.
 * Throws ForgeError `unreachable` when nothing answers at all (closed port, no route, a name that does not resolve, no way to TLS) and `interrupted` when `signal` fires.
 * A host that accepts connections and does not speak TLS gives observations that are `failed`, in bounded time.
 */
export async function observe(target: ObserveTarget, options: ObserveOptions): Promise<Observations> {
  const began = performance.now();
  const timeoutMs = options.timeoutMs ?? 5000;
  const store = createTrustStore(
    [...(options.ca ?? []), ...(options.localCa === undefined ? [] : [options.localCa])],
    options.systemCas ?? null,
  );
  const { family, proxy, startTls, recorder } = options;
  const addresses = await addressesFor(target, { timeoutMs, family, proxy });
  const serverName = target.serverName ?? (isIP(target.host) > 0 ? "" : target.host);
  const way =
    proxy === undefined && startTls === undefined
      ? undefined
      : await (
          await import("./reach/way.ts")
        ).createWay({ proxy: proxy ?? null, startTls: startTls ?? null, domain: serverName || target.host });
  const begin = (address: string): Look =>
    createLook(
      { host: target.host, port: target.port, serverName, address },
      {
        timeoutMs,
        totalMs: options.totalMs ?? 60_000,
        budget: options.budget,
        now: options.now,
        random: options.random,
        signal: options.signal,
        gentle: options.gentle,
        pace: options.pace,
        way,
        isFar: options.isFar,
        startTls,
        dnsServers: options.dnsServers,
        plainPort: options.plainPort ?? (way === undefined && target.port === 443 ? 80 : null),
        tap: recorder?.tap,
      },
    );
  const { look, first } = await firstToAnswer(addresses.map(begin), proxy !== undefined);
  const observations = await observeLook(look, first, store);
  if (options.signal?.aborted === true)
    throw new ForgeError("interrupted", `The look at ${target.host}:${target.port} was interrupted`);
  return { ...observations, seconds: Math.round(performance.now() - began) / 1000 };
}

/** Addresses of a name that are tried one after the other. */
const mostTried = 4;

type TrustStore = ReturnType<typeof createTrustStore>;

async function observeLook(look: Look, first: Answer, store: TrustStore): Promise<Omit<Observations, "seconds">> {
  if (first.kind === "garbage" && !look.hasSpoken()) return assembleFailed(look, first.why);
  const facts = await runProbes(look, allProbes, { first });
  if (!look.hasSpoken()) return assembleFailed(look, `the server never answered in TLS: ${describeAnswer(first)}`);
  // Who refuses whatever is offered may refuse the client: what a server offers, these refusals do not say.
  if (look.flights.length === 0 && valueOf(facts.ssl2)?.offered !== true)
    return assembleFailed(look, `no handshake was ever completed: ${whyNone(facts, first)}`);
  return assemble(look, await settle(facts), store);
}

/** What stood in the way of every hello: what was not answered, before what was refused. */
function whyNone({ modern, tls12, tls11, tls10, ssl3 }: Facts, first: Answer): string {
  for (const { support } of [modern, tls12, tls11, tls10, ssl3]) if (support.state !== "observed") return support.why;
  return `every hello was refused: ${describeAnswer(first)}`;
}

async function addressesFor(
  target: ObserveTarget,
  of: { timeoutMs: number; family: 4 | 6 | undefined; proxy: Proxy | undefined },
): Promise<readonly string[]> {
  if (target.address !== undefined) return [target.address];
  // A name behind a proxy is the proxy's to resolve; it may not even exist here.
  if (of.proxy !== undefined) return [target.host];
  return (await addressesOf(target.host, of)).slice(0, mostTried);
}

/** The first of a name's addresses that takes a connection, and its answer to the first hello. Throws ForgeError `unreachable` when none does. */
async function firstToAnswer(looks: readonly Look[], isProxied: boolean): Promise<{ look: Look; first: Answer }> {
  const details: string[] = [];
  let refused = false;
  for (const look of looks) {
    const first = await askModern(look);
    // Where even one connection through a proxy takes all the time, the proxy is what did not answer.
    const isLate = isProxied && first.kind === "skipped" && first.cause === "time" && look.roundTripMs() === null;
    if (isLate) {
      details.push(`the proxy did not answer: ${first.why}`);
      continue;
    }
    if (first.kind !== "unconnected" && first.kind !== "blocked") return { look, first };
    // Connected all the same: what came before TLS is what failed.
    refused ||= first.kind === "blocked" || (!isProxied && look.roundTripMs() !== null);
    // Behind a proxy the address is the host again.
    details.push(isProxied ? first.why : `${look.target.address}: ${first.why}`);
  }
  const { host, port } = looks[0]?.target ?? { host: "", port: 0 };
  const what = refused ? "TLS cannot be begun" : isProxied ? "There is no way" : "Nothing answers";
  const where = `${isProxied && !refused ? "to" : "at"} ${host.includes(":") ? `[${host}]` : host}:${port}`;
  throw new ForgeError("unreachable", `${what} ${where} (${details.join("; ")})`, {
    hint: hintOf(
      isProxied,
      looks.some((look) => look.startTls !== null),
    ),
  });
}

function hintOf(isProxied: boolean, isStartTls: boolean): string {
  if (isProxied)
    return `Check the address of --proxy and its kind (http:// or socks5://), whether it allows this target${isStartTls ? ", and --starttls" : ""}`;
  return isStartTls
    ? "Check --starttls, the port and what the server is set up for; leave --starttls out where TLS begins at once"
    : "Check the name and the port, and that the server is running";
}
