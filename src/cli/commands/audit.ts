import path from "node:path";
import { audit as judge, auditText, isAboutAny, verdict } from "../../audit/index.ts";
import { exitCodeFor, ForgeError } from "../../errors.ts";
import type { Recipe } from "../../recipe/index.ts";
import { readManifest } from "../../store/index.ts";
import { asCalled } from "../../ui/index.ts";
import { readAdvisoryFile } from "../advisory-files.ts";
import type { Context } from "../context.ts";
import { installedIn, wordOf } from "../installed.ts";
import { loadStack, stackNames } from "../make/load.ts";
import { markedLead } from "../marks.ts";
import { errorFields, type Result } from "../result.ts";

/** What `audit` is asked for. */
export interface AuditRequest {
  /** Files and folders of advisories, as written. */
  readonly advisories: readonly string[];
  readonly strict: boolean;
  /** The day that support is judged by, UTC: 2026-11-30. */
  readonly today: string;
}

/**
 * The versions of the current generation against the recipes' floors, support dates and known holes, and against files of advisories. No network.
 * A hit is exit 1. Throws `not-found` without a generation, `advisory-invalid`.
 */
export async function audit(context: Context, request: AuditRequest): Promise<Result> {
  const { prefix } = context.options;
  const manifest = await readManifest(prefix);
  if (manifest === null)
    throw new ForgeError("not-found", `there is no generation in ${prefix} to audit`, {
      hint: "run tlsforge provision, or name another prefix with --prefix",
    });
  const recipes = await recipesOf(context, manifest.stack);
  const installed = await installedIn(manifest, recipes);
  const files = [];
  for (const file of request.advisories) {
    files.push(
      await readAdvisoryFile(path.resolve(context.cwd, file), {
        wanted: (advisory) => isAboutAny(advisory, installed),
        signal: context.signal,
      }),
    );
  }
  for (const name of files.flatMap(({ passedOver }) => passedOver))
    context.emit({ type: "warning", message: `${name} is no advisory, and was passed over` });
  const judged = judge({
    installed,
    recipes: new Map(
      manifest.builds.map(({ recipe: name, version }) => [
        name,
        wordOf(
          recipes.find((recipe) => recipe.name === name),
          version,
        ),
      ]),
    ),
    advisories: files.flatMap(({ advisories }) => advisories),
    today: request.today,
  });
  const error = verdict(judged, request);
  const fields = {
    prefix,
    generation: manifest.generation,
    date: request.today,
    advisories: files.map(({ file, records, passedOver, advisories }) => ({
      file,
      records,
      relevant: advisories.length,
      passedOver,
    })),
    packages: judged.packages,
    findings: judged.findings,
  };
  const { pageOf } = await import("../../report/index.ts");
  const { colour } = context.options;
  const page = pageOf({ colour, width: context.columns });
  const says: typeof page.says = (lead, text) => page.says(markedLead(lead, colour), asCalled(text, context.program));
  const text = auditText(judged, { says });
  if (error === null) return { outcome: "done", exitCode: 0, fields, text };
  return { outcome: "failed", exitCode: exitCodeFor(error), fields: { ...fields, ...errorFields(error) }, text, error };
}

/** The recipes of a generation's stack as they are today; none when its stack is not among today's. */
async function recipesOf(context: Context, stack: string): Promise<readonly Recipe[]> {
  if ((await stackNames(context)).includes(stack)) return (await loadStack(context, stack)).recipes;
  context.emit({
    type: "warning",
    message: `there is no stack named ${stack} among the recipes: what they would say of it is not known`,
    hint: "name the folder of its recipes with --recipes",
  });
  return [];
}
