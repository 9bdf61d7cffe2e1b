import { lockPrefix, openPrefix } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { buildRecords } from "../make.ts";
import { activateBuilt, agreeTo, buildStack, manifestBuilds, warningsOf, type BuildRequest } from "../pipeline.ts";
import { planText } from "../plan-text.ts";
import type { Result } from "../result.ts";

/** Outputs in the store and a generation that shows them; the host is not changed but for packages, and nothing is launched. */
export async function build(context: Context, request: BuildRequest): Promise<Result> {
  const { emit, signal, options } = context;
  await openPrefix(options.prefix, { create: true });
  const release = await lockPrefix(options.prefix, { what: "build", wait: options.wait, emit, signal });
  try {
    const built = await buildStack(context, request, async (planned, selection) => {
      for (const line of planText(planned, selection.resolved)) emit({ type: "notice", message: line });
      if (planned.some((entry) => entry.action === "build")) await agreeTo(context, "Go on?");
    });
    const { previous, made } = built;
    const same = previous !== null && keys(previous.builds) === keys(manifestBuilds(made));
    const manifest = same ? previous : await activateBuilt(context, built);
    const warnings = warningsOf(made);
    return {
      outcome: same ? "unchanged" : "done",
      exitCode: 0,
      fields: { generation: manifest.generation, prefix: options.prefix, builds: buildRecords(made), warnings },
      text: [
        `Generation ${manifest.generation} in ${options.prefix}${same ? ", unchanged" : ""}`,
        ...warnings.map((warning) => `Note: ${warning}`),
        "",
      ].join("\n"),
    };
  } finally {
    await release();
  }
}

function keys(builds: readonly { readonly key: string }[]): string {
  return builds.map((entry) => entry.key).join();
}
