import { ForgeError } from "../../errors.ts";
import { trustedLocally } from "../../grade/light.ts";
import type { Report } from "../../grade/index.ts";
import type { Site, Stack } from "../../recipe/index.ts";
import { updateManifest, type Manifest } from "../../store/index.ts";
import { readAnchors } from "../look/anchors.ts";
import type { Context } from "../context.ts";
import { gradeProblem } from "../look/grade-problem.ts";
import { gradingRulebook, look, writeReport } from "../look/look.ts";
import type { Built } from "../make/pipeline.ts";
import { endpointOf } from "./reach.ts";
import { generationFile } from "./serve.ts";
import { readAuthority, type ServerSetup } from "./setup.ts";
import type { BuildRequest } from "../make/types.ts";

/** What a look at a server came to. */
export interface Graded {
  readonly report: Report;
  /** Where it is kept. */
  readonly files: { readonly json: string; readonly html: string };
  /** Why it is not good enough; null when it is. */
  readonly problem: ForgeError | null;
}

/** What a stack has to reach where nobody says: an old one that is reproduced is graded, and held to nothing. */
function usualGrade({ purpose }: Stack): string | null {
  return purpose === "reproduction" ? null : "A+";
}

/** The authority that a site file names itself. Throws `site-invalid` when it can no longer be read. */
async function anchorsOf({ verify: { ca } }: Site): Promise<readonly string[]> {
  if (ca === null) return [];
  return [await readAnchors(ca, "verify.ca", (problem, more) => new ForgeError("site-invalid", problem, more))];
}

/** The gate: grades a server over the wire. Only a generation whose server has passed is accepted. */
export async function grade(
  context: Context,
  request: BuildRequest,
  of: {
    readonly built: Built;
    readonly manifest: Manifest;
    readonly setup: ServerSetup;
    readonly listen: readonly string[];
  },
): Promise<Graded> {
  const { built, manifest, setup, listen } = of;
  const { emit, options } = context;
  emit({ type: "phase", phase: "verify", state: "start" });
  const { names } = setup.config;
  const authority = await readAuthority(setup.authority);
  const looked = await look(context, { ...endpointOf({ listen, names }), authority, ca: await anchorsOf(built.site) });
  const [serves = ""] = setup.config.listen;
  const report = listen.includes(serves) ? looked : { ...looked, trialFor: serves };
  const files = await writeReport(report, generationFile(options.prefix, manifest.generation, "report"));
  const result = report.grades[gradingRulebook];
  const { gradeTrustIgnored, boundsTrustIgnored: bounds } = result ?? {};
  const certain = gradeTrustIgnored ?? (bounds ? `at least ${bounds.worst}` : "incomplete");
  emit({
    type: "phase",
    phase: "verify",
    state: "done",
    detail: `${certain}, ${report.connections} connections, ${report.seconds} s`,
  });
  const problem = gradeProblem(report, {
    minGrade: request.minGrade ?? built.site.verify.minGrade ?? usualGrade(built.selection.stack),
    ignoreTrust: trustedLocally(report.observations),
    asker: "provision",
  });
  await updateManifest(options.prefix, manifest.generation, {
    accepted: problem === null,
    report: {
      grade: result?.grade ?? null,
      gradeTrustIgnored: gradeTrustIgnored ?? null,
      ...(bounds ? { bounds } : {}),
      path: files.json,
    },
  });
  return { report, files, problem };
}
