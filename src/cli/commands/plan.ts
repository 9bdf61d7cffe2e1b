import { packageResource, planHost, requirementError } from "../../host/index.ts";
import { readManifest } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { hostFields, hostText, hostWishes } from "../host-changes.ts";
import { loadSite } from "../load.ts";
import type { BuildRequest } from "../pipeline.ts";
import { planText, stepLines } from "../plan-text.ts";
import { planSelection, select } from "../prepare.ts";
import type { Result } from "../result.ts";

/** What `provision` would do. Changes nothing. With `exitCode`: 10 when something would change. */
export async function plan(context: Context, request: BuildRequest & { readonly exitCode: boolean }): Promise<Result> {
  const { options } = context;
  const site = await loadSite(context);
  const previous = await readManifest(options.prefix);
  const selection = await select(context, { site, stack: request.stack ?? site.stack, options: request.sources });
  const planned = await planSelection(selection, previous, options.prefix);
  const out = (name: string): string =>
    planned.find((entry) => entry.derivation.recipe.name === name)?.derivation.out ?? "";
  const wishes = await hostWishes(selection.host, site, {
    openssl: out(selection.stack.openssl),
    interpreter: `${out("python-tls")}/bin/python`,
    prefix: options.prefix,
  });
  const packages = packageResource(selection.requirements, `default: host.packages is ${site.host.packages}`);
  const plans = await planHost(selection.host, [...(packages === null ? [] : [packages]), ...wishes.resources]);
  const pending =
    planned.some((entry) => entry.action === "build") ||
    plans.some((entry) => entry.action !== "none" && entry.action !== "blocked");
  const missing = requirementError(selection.host, selection.requirements);
  const verbose = options.verbose
    ? planned.flatMap((entry) => [...planText([entry], []), ...stepLines(entry)])
    : planText(planned, selection.resolved);
  const warnings = [
    ...(missing === null ? [] : [missing.message, ...missing.details]),
    ...selection.resolved.flatMap((recipe) =>
      recipe.fallback === undefined ? [] : [`${recipe.name} ${recipe.fallback.wanted} cannot be had`],
    ),
  ];
  return {
    outcome: pending ? "done" : "unchanged",
    exitCode: pending && request.exitCode ? 10 : 0,
    fields: {
      prefix: options.prefix,
      builds: planned.map(({ derivation, action, why }) => ({
        recipe: derivation.recipe.name,
        version: derivation.recipe.version,
        key: derivation.key,
        action,
        why,
      })),
      host: hostFields(plans),
      warnings,
    },
    text: `${[
      `Prefix ${options.prefix}`,
      "",
      "Builds",
      ...verbose.map((line) => `  ${line}`),
      "",
      "Host",
      ...(plans.length === 0 ? ["  nothing is asked of it"] : hostText(plans).map((line) => `  ${line}`)),
      ...wishes.lowPort.reasons.map((reason) => `  ports: ${reason}`),
      ...(missing === null ? [] : ["", `${missing.message}:`, ...missing.details.map((line) => `  ${line}`)]),
    ].join("\n")}\n`,
  };
}
