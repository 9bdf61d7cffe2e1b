import { ForgeError } from "../../errors.ts";
import { status } from "../../server/index.ts";
import {
  collectGarbage,
  currentGeneration,
  listGenerations,
  lockPrefix,
  readManifest,
  rollbackTo,
} from "../../store/index.ts";
import type { Context } from "../context.ts";
import { serverFields, type Result } from "../result.ts";
import { restoreHost, startGeneration } from "../standing.ts";

/** All generations, oldest first. */
export async function generations(context: Context): Promise<Result> {
  const { prefix } = context.options;
  const entries = await listGenerations(prefix);
  const lines = entries.map(({ generation, current, manifest }) => {
    const grade = manifest?.report?.gradeTrustIgnored ?? "not graded";
    const versions =
      manifest?.builds.map((build) => `${build.recipe} ${build.version}`).join(", ") ?? "its manifest is damaged";
    return `${current ? "*" : " "} ${String(generation).padStart(3)}  ${manifest?.created ?? "?"}  ${grade.padEnd(10)}  ${versions}`;
  });
  return {
    outcome: "done",
    exitCode: 0,
    fields: {
      prefix,
      current: await currentGeneration(prefix),
      generations: entries.map(({ generation, current, manifest }) => ({
        generation,
        current,
        created: manifest?.created ?? null,
        stack: manifest?.stack ?? null,
        builds: manifest?.builds.map(({ recipe, version, key }) => ({ recipe, version, key })) ?? [],
        grade: manifest?.report?.gradeTrustIgnored ?? null,
      })),
    },
    text: entries.length === 0 ? `There is no generation in ${prefix}.\n` : `${lines.join("\n")}\n`,
  };
}

/** Goes back to a generation (the one before the current, unless named): view, host resources, and the server when one runs. */
export async function rollback(context: Context, named: string | undefined): Promise<Result> {
  const wanted = named === undefined ? undefined : parseGeneration(named);
  const { emit, signal, options } = context;
  const { prefix } = options;
  const release = await lockPrefix(prefix, { what: "rollback", wait: options.wait, emit, signal });
  try {
    const previous = await currentGeneration(prefix);
    if (wanted !== undefined && wanted === previous) {
      return {
        outcome: "unchanged",
        exitCode: 0,
        fields: { prefix, generation: wanted, previous, server: null },
        text: `Generation ${wanted} is the current one.\n`,
      };
    }
    const serving = (await status(prefix)).state !== "not-serving";
    const manifest = await rollbackTo(prefix, wanted, { what: "rollback", wait: options.wait, emit, signal });
    if (manifest.host.length > 0 || (await mayHaveChangedHost(prefix, previous))) await restoreHost(context, manifest);
    const server = serving && manifest.server !== null ? await startGeneration(context, manifest) : null;
    return {
      outcome: "done",
      exitCode: 0,
      fields: {
        prefix,
        generation: manifest.generation,
        previous,
        server: server === null ? null : serverFields(server),
      },
      text: `Generation ${manifest.generation} is current${server === null ? "" : ` and serves on ${server.listen.join(", ")}`}.\n`,
    };
  } finally {
    await release();
  }
}

/** Removes what no kept generation and no live process needs. */
export async function gc(
  context: Context,
  request: { readonly dryRun: boolean; readonly keep?: number },
): Promise<Result> {
  const { emit, signal, options } = context;
  const { removed, kept } = await collectGarbage(options.prefix, {
    what: "gc",
    wait: options.wait,
    emit,
    signal,
    now: Date.now(),
    ...request,
  });
  const freed = removed.reduce((sum, item) => sum + item.bytes, 0);
  const lines = [
    ...removed.map((item) => `${request.dryRun ? "would remove" : "removed"}  ${item.path}  (${item.why})`),
    ...kept.map((item) => `keep  ${item.path}  (${item.why})`),
    `${request.dryRun ? "Would free" : "Freed"} ${(freed / 1e6).toFixed(1)} MB.`,
  ];
  return {
    outcome: removed.length > 0 ? "done" : "unchanged",
    exitCode: 0,
    fields: { prefix: options.prefix, dryRun: request.dryRun, removed, kept, freedBytes: freed },
    text: `${lines.join("\n")}\n`,
  };
}

/** Whether a generation changed the machine; one that only builds made has not. A manifest that cannot be read may tell of changes. */
async function mayHaveChangedHost(prefix: string, generation: number | null): Promise<boolean> {
  if (generation === null) return false;
  try {
    return ((await readManifest(prefix, generation))?.host.length ?? 0) > 0;
  } catch (error) {
    if (error instanceof ForgeError && error.code === "prefix-unusable") return true;
    throw error;
  }
}

/** Parses the N of `rollback N`. */
function parseGeneration(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new ForgeError("usage", `${JSON.stringify(text)} is no generation`, {
    hint: "use a number that tlsforge generations shows",
  });
}
