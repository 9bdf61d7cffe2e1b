import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { FetchOptions } from "./types.ts";

/** What has been learnt during one run; never written down. */
export interface Run {
  /** Hosts (with port) that could not be reached, with the reason: not asked again in this run. */
  readonly dead: Map<string, string>;
  /** Hosts that answered at least once: a failure to connect to these is passing, worth a retry. */
  readonly alive: Set<string>;
  /** Hosts whose name lookup failed once in a way that may pass. */
  readonly doubted: Set<string>;
  /** Pages of package registries, by address. */
  readonly pages: Map<string, Promise<unknown>>;
  /** Connections through the proxies of the environment. */
  readonly agents: { readonly http: HttpAgent; readonly https: HttpsAgent } | null;
}

const runs = new WeakMap<AbortSignal, Run>();

/** The run that a call belongs to, told by its signal. */
export function runOf({ signal, environment }: Pick<FetchOptions, "signal" | "environment">): Run {
  const known = runs.get(signal);
  if (known !== undefined) return known;
  const run: Run = {
    dead: new Map(),
    alive: new Set(),
    doubted: new Set(),
    pages: new Map(),
    agents: environment === undefined ? null : proxied(environment),
  };
  runs.set(signal, run);
  return run;
}

/** Makes `signal` belong to the run of `options`. */
export function sameRun(options: Pick<FetchOptions, "signal" | "environment">, signal: AbortSignal): AbortSignal {
  runs.set(signal, runOf(options));
  return signal;
}

function proxied(environment: Readonly<Record<string, string | undefined>>): Run["agents"] {
  const options = { keepAlive: true, proxyEnv: { ...environment } };
  return { http: new HttpAgent(options), https: new HttpsAgent(options) };
}
