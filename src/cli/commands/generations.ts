import { letterText } from "../../grade/light.ts";
import { currentGeneration, listGenerations } from "../../store/index.ts";
import type { Context } from "../context.ts";
import type { Result } from "../result.ts";

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
