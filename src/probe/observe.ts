import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

import { ForgeError } from "../errors.ts";
import type { Random } from "../wire/index.ts";
import type { Answer } from "./answer.ts";
import { assemble, assembleFailed } from "./assemble.ts";
import { runProbes } from "./graph.ts";
import { createLook, type Look } from "./look.ts";
import { askModern } from "./modern-suites.ts";
import { allProbes } from "./probes.ts";
import { createTrustStore } from "./trust.ts";
import type { Observations } from "./types.ts";

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
  /** Connections that may be made; 400 by default. */
  readonly budget?: number;
  readonly signal?: AbortSignal;
  readonly now: Date;
  readonly random: Random;
}

/**
 * Looks at a TLS server with every probe and records what was seen. Judges nothing.
 * Throws ForgeError `unreachable` when nothing answers at all (closed port, no route, a name that does not resolve) and `interrupted` when `signal` fires.
 * A host that accepts connections and does not speak TLS gives observations that are `failed`, in bounded time.
 */
export async function observe(target: ObserveTarget, options: ObserveOptions): Promise<Observations> {
  const began = performance.now();
  const timeoutMs = options.timeoutMs ?? 5000;
  const store = createTrustStore(
    [...(options.ca ?? []), ...(options.localCa === undefined ? [] : [options.localCa])],
    options.systemCas ?? null,
  );
  const addresses = target.address === undefined ? await resolve(target.host, timeoutMs) : [target.address];
  const serverName = target.serverName ?? (isIP(target.host) > 0 ? "" : target.host);
  const begin = (address: string): Look =>
    createLook(
      { host: target.host, port: target.port, serverName, address },
      {
        timeoutMs,
        totalMs: options.totalMs ?? 60_000,
        budget: options.budget ?? 400,
        now: options.now,
        random: options.random,
        signal: options.signal,
      },
    );
  const { look, first } = await firstToAnswer(addresses.map(begin));
  const observations = await observeLook(look, first, store);
  if (options.signal?.aborted === true)
    throw new ForgeError("interrupted", `The look at ${target.host}:${target.port} was interrupted`);
  return { ...observations, seconds: Math.round(performance.now() - began) / 1000 };
}

type TrustStore = ReturnType<typeof createTrustStore>;

async function observeLook(look: Look, first: Answer, store: TrustStore): Promise<Omit<Observations, "seconds">> {
  if (first.kind === "garbage" && !look.hasSpoken()) return assembleFailed(look, first.why);
  const facts = await runProbes(look, allProbes, { first });
  return look.hasSpoken() ? assemble(look, facts, store) : assembleFailed(look, "the server never answered in TLS");
}

/** The first of a name's addresses that takes a connection, and its answer to the first hello. Throws ForgeError `unreachable` when none does. */
async function firstToAnswer(looks: readonly Look[]): Promise<{ look: Look; first: Answer }> {
  const details: string[] = [];
  for (const look of looks) {
    const first = await askModern(look);
    if (first.kind !== "unconnected") return { look, first };
    details.push(`${look.target.address}: ${first.why}`);
  }
  const { host, port } = looks[0]?.target ?? { host: "", port: 0 };
  throw new ForgeError("unreachable", `Nothing answers at ${host}:${port} (${details.join("; ")})`, {
    hint: "Check the name and the port, and that the server is running",
  });
}

/** At most four addresses of a name, in the order of the system's resolver. */
async function resolve(host: string, timeoutMs: number): Promise<string[]> {
  if (isIP(host) > 0) return [host];
  const unreachable = (why: string): ForgeError =>
    new ForgeError("unreachable", `The name ${host} does not resolve: ${why}`, {
      hint: "Check the spelling of the name, or give an address",
    });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unreachable(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    const found = await Promise.race([lookup(host, { all: true }), late]);
    return found.slice(0, 4).map(({ address }) => address);
  } catch (error) {
    if (error instanceof Error && "code" in error && !(error instanceof ForgeError))
      throw unreachable(String(error.code));
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
