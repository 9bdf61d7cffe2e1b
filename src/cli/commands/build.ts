import type { Context } from "../context.ts";
import { holdingPrefix } from "../make/held.ts";
import { isSiteKept, keepSite } from "../serve/kept-site.ts";
import { buildRecords } from "../make/make.ts";
import {
  activateBuilt,
  afresh,
  buildStack,
  manifestBuilds,
  sameBuilds,
  warningsOf,
  type Built,
} from "../make/pipeline.ts";
import { notToldYet } from "../make/sandbox.ts";
import type { Result } from "../result.ts";
import { vulnerableText } from "../serve/vulnerable.ts";
import type { BuildRequest } from "../make/types.ts";

/** Outputs in the store and a generation that shows them; the host is not changed but for packages, and nothing is launched. */
export async function build(context: Context, request: BuildRequest): Promise<Result> {
  return holdingPrefix(context, { ...request, what: "build" }, async (grip) => {
    const built = await buildStack(context, { ...request, grip }, () => Promise.resolve([]));
    return grip.alone(async () => activated(context, await afresh(context, built)));
  });
}

async function activated(context: Context, built: Built): Promise<Result> {
  const { previous, made } = built;
  const same = previous !== null && sameBuilds(previous.builds, manifestBuilds(made));
  const manifest = same ? previous : await activateBuilt(context, built);
  const warnings = warningsOf(made);
  const { prefix, config } = context.options;
  // A run that was killed, or met a full disk, may have left its generation without.
  if (!same || !isSiteKept(prefix, manifest.generation))
    await keepSite(prefix, manifest.generation, built.site, config);
  return {
    outcome: same ? "unchanged" : "done",
    exitCode: 0,
    fields: {
      generation: manifest.generation,
      prefix,
      builds: buildRecords(made),
      warnings,
      ...(manifest.vulnerable === undefined ? {} : { vulnerable: manifest.vulnerable }),
    },
    text: [
      `Generation ${manifest.generation} in ${prefix}${same ? ", unchanged" : ""}`,
      ...notToldYet(warnings, made).map((warning) => `Note: ${warning}`),
      ...vulnerableText(manifest.vulnerable ?? []),
      "",
    ].join("\n"),
  };
}
