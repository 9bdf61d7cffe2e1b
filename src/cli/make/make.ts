import path from "node:path";
import { registryEnvironment, runBuild } from "../../build/index.ts";
import type { FetchedSource } from "../../fetch/index.ts";
import type { Derivation, PlannedBuild } from "../../plan/index.ts";
import { packageAdvice } from "../../host/index.ts";
import {
  boundFailed,
  boundLogs,
  listReceipts,
  readFailed,
  realise,
  scratchPath,
  type Receipt,
} from "../../store/index.ts";
import type { Context } from "../context.ts";
import { sealOf } from "./sandbox.ts";
import { checkFields } from "./own-tests.ts";
import { buildTools, type Selection } from "./prepare.ts";
import { inScratch, orWarn } from "./scratch.ts";
import type { BuildRecord } from "../result.ts";
import type { Made } from "./types.ts";

/**
 * Makes every planned build, each as soon as its inputs are made; those that are in the store already are taken from there. When one fails
 * the others are ended, and what is thrown is the failure that came first.
 */
export async function makeAll(
  context: Context,
  selection: Selection,
  work: {
    readonly planned: readonly PlannedBuild[];
    readonly sources: ReadonlyMap<string, readonly FetchedSource[]>;
    readonly keepFailed?: boolean;
    /** The command that builds, as runs that wait for it are told. */
    readonly what: string;
    /** Outputs that are there and are built anew in their place. */
    readonly replace?: ReadonlySet<string>;
  },
): Promise<readonly Made[]> {
  const failure = new AbortController();
  const bound = { ...context, signal: AbortSignal.any([context.signal, failure.signal]) };
  const running = new Map<string, Promise<Made>>();
  const failures: unknown[] = [];
  for (const { derivation } of work.planned) {
    const inputs = derivation.inputs.flatMap((input) => running.get(input.name) ?? []);
    const start = async (): Promise<Made> => {
      await Promise.all(inputs);
      const { what, replace } = work;
      const sources = work.sources.get(derivation.recipe.name) ?? [];
      return make(bound, selection, {
        derivation,
        sources,
        what,
        keepFailed: work.keepFailed === true,
        replace: replace?.has(derivation.out) === true,
      });
    };
    running.set(
      derivation.recipe.name,
      start().catch((error: unknown) => {
        failures.push(error);
        failure.abort();
        throw error;
      }),
    );
  }
  const ended = await Promise.allSettled(running.values());
  const made = work.planned.filter(({ action }) => action === "build").map(({ derivation }) => derivation.key);
  if (made.length > 0) await boundRemains(context, new Set(made));
  if (failures.length > 0) return Promise.reject(failures[0]);
  return ended.flatMap((entry) => (entry.status === "fulfilled" ? [entry.value] : []));
}

/**
 * Failed builds that are kept, and logs, stay within their bounds whatever became of the builds; what cannot be removed is in nobody's way.
 * `made`: keys of this run, which has just said where their remains are: these stay, whatever the clock said when others were made.
 */
async function boundRemains({ emit, options: { prefix } }: Context, made: ReadonlySet<string>): Promise<void> {
  await orWarn(emit, "Old failed builds could not be removed", async () => void (await boundFailed(prefix, made)));
  await orWarn(emit, "Old logs could not be removed", async () => {
    const kept = [...made, ...(await listReceipts(prefix)).map(({ key }) => key)];
    await boundLogs(prefix, new Set(kept.map((key) => key.slice(0, 16))));
  });
}

/** What `--json` tells of builds. */
export function buildRecords(made: readonly Made[]): readonly BuildRecord[] {
  return made.map(({ derivation, receipt, cached, check }) => ({
    recipe: derivation.recipe.name,
    version: derivation.recipe.version,
    key: derivation.key,
    cached,
    location: locationOf(receipt),
    wallSeconds: receipt.wallSeconds,
    cpuSeconds: receipt.cpuSeconds,
    ...(receipt.seal === undefined ? {} : { sealed: receipt.seal.text }),
    ...(check === undefined ? {} : { check: checkFields(check) }),
  }));
}

/** Where the main source of a build came from; `recipe` when its files lie in the recipe's own folder. */
export function locationOf(receipt: Receipt): string {
  return receipt.sources[0]?.location ?? "recipe";
}

async function make(
  context: Context,
  selection: Selection,
  work: {
    readonly derivation: Derivation;
    readonly sources: readonly FetchedSource[];
    readonly keepFailed: boolean;
    readonly what: string;
    readonly replace: boolean;
  },
): Promise<Made> {
  const { derivation, sources, keepFailed, what, replace } = work;
  const { emit, signal, options } = context;
  const previous = await expectedSeconds(derivation);
  const scratch = scratchPath(options.prefix, { key: derivation.key, recipe: derivation.recipe.name });
  const { receipt, cached } = await realise(
    derivation,
    ({ log }) =>
      inScratch(
        { scratch, prefix: options.prefix, emit, kept: async () => (await readFailed(scratch)) !== null },
        async () => {
          const outcome = await runBuild({
            derivation,
            sources,
            scratch,
            log,
            jobs: options.jobs,
            ...buildTools(selection.requirements),
            passThrough: registryEnvironment(context.environment),
            cargoHome: context.environment["CARGO_HOME"] ?? path.join(context.home, ".cargo"),
            seal: await sealOf(context),
            requireSandbox: selection.options.requireSandbox === true,
            offline: selection.options.offline,
            keepFailed,
            packageAdvice: (lacks) => packageAdvice(selection.host.packageFamily, lacks),
            emit,
            signal,
          });
          return {
            ...outcome,
            sources: sources.map(({ source, sha256, location, origin, verified, signature }) => ({
              name: source.name,
              file: source.file,
              sha256,
              location,
              ...(origin === undefined ? {} : { origin }),
              verified,
              signature,
            })),
          };
        },
      ),
    {
      emit,
      signal,
      what,
      replace,
      keepFailed,
      wait: options.wait,
      ...(previous === null ? {} : { expectedSeconds: previous }),
    },
  );
  return { derivation, receipt, cached };
}

/** Wall seconds of the newest build of the same recipe on this prefix, for the estimate; null when there is none. */
async function expectedSeconds(derivation: Derivation): Promise<number | null> {
  const earlier = (await listReceipts(derivation.prefix)).filter(
    (receipt) => receipt.recipe === derivation.recipe.name,
  );
  return earlier.toSorted((a, b) => (a.finished < b.finished ? 1 : -1))[0]?.wallSeconds ?? null;
}
