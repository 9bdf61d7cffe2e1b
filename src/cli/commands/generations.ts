import { existsSync } from "node:fs";
import { letterText } from "../../grade/light.ts";
import { candidate } from "../../server/index.ts";
import { collectGarbage, currentGeneration, listGenerations } from "../../store/index.ts";
import { asCalled } from "../../ui/index.ts";
import { sizeText } from "../../words.ts";
import type { Context } from "../context.ts";
import type { Result } from "../result.ts";
import { sourceCaches } from "../make/source-caches.ts";

/** All generations, oldest first. */
export async function generations(context: Context): Promise<Result> {
  const { prefix } = context.options;
  const entries = await listGenerations(prefix);
  const lines = entries.map(({ generation, current, manifest }) => {
    const grade = manifest?.report
      ? letterText(manifest.report.gradeTrustIgnored, manifest.report.bounds)
      : "not graded";
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

/** Removes what no kept generation and no live process needs. */
export async function gc(
  context: Context,
  request: { readonly dryRun: boolean; readonly failed?: boolean; readonly keep?: number },
): Promise<Result> {
  const { emit, signal, options, program } = context;
  // Looked for before anything is made there.
  if (!existsSync(options.prefix)) {
    const fields = { prefix: options.prefix, dryRun: request.dryRun, removed: [], kept: [], freedBytes: 0 };
    return { outcome: "unchanged", exitCode: 0, fields, text: `There is nothing in ${options.prefix}.\n` };
  }
  const standsBy = await candidate(options.prefix, "standby");
  const { removed, kept } = await collectGarbage(options.prefix, {
    sources: await sourceCaches(context),
    keepGenerations: standsBy === null ? [] : [standsBy.generation],
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
    ...kept.map((item) => `keep  ${item.path}  (${asCalled(item.why, program)})`),
    `${request.dryRun ? "Would free" : "Freed"} ${sizeText(freed)}.`,
  ];
  return {
    outcome: removed.length > 0 ? "done" : "unchanged",
    exitCode: 0,
    fields: { prefix: options.prefix, dryRun: request.dryRun, removed, kept, freedBytes: freed },
    text: `${lines.join("\n")}\n`,
  };
}
