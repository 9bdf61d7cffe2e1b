/** What would stop a build after minutes, found before anything is fetched, installed or built. */
import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import { requirementError } from "../../host/index.ts";
import { diskNeed, type PlannedBuild } from "../../plan/index.ts";
import { missingSpace, prefixAbove, prefixPaths, triedPlace } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { neededFor } from "./packages.ts";
import type { Selection } from "./prepare.ts";

/**
 * Refuses a prefix that would be made where it cannot stay: inside another one, whose store nobody changes, or inside of this program's own
 * checkout or package, whose next version replaces it. One that is there already is left alone. Throws `prefix-unusable`.
 */
export function refuseNested({ code, options: { prefix } }: Pick<Context, "code" | "options">): void {
  if (existsSync(prefixPaths(prefix).layout)) return;
  const real = realPath(prefix);
  const other = prefixAbove(real);
  const own = path.dirname(realPath(code));
  const isOwn = real === own || real.startsWith(`${own}/`);
  if (other === null && !isOwn) return;
  throw new ForgeError(
    "prefix-unusable",
    isOwn
      ? `The prefix ${prefix} lies inside of tlsforge's own folder ${own}`
      : `The prefix ${prefix} lies inside of another one, ${other}`,
    { hint: "Choose another folder with --prefix or TLSFORGE_PREFIX" },
  );
}

/** As far as a path is there, without links. */
function realPath(file: string): string {
  if (existsSync(file)) return realpathSync(file);
  const above = path.dirname(file);
  return above === file ? file : path.join(realPath(above), path.basename(file));
}

/**
 * Tries the file systems of the prefix and counts their free space for what is to be built. When they will not do, everything that
 * stands in the way is told at once, programs and headers that are missing too; those alone are told where they may still be installed.
 * Throws `prefix-unusable` or `disk-full`.
 */
export function preflight(
  context: Pick<Context, "options" | "uid">,
  selection: Selection,
  planned: readonly PlannedBuild[],
): void {
  const { prefix } = context.options;
  const pending = planned.filter(({ action }) => action === "build").map(({ derivation }) => derivation);
  const problems = [
    ...triedPlace(prefix, { caseless: selection.host.platform.os === "darwin" }),
    ...missingSpace(prefix, diskNeed(pending), { root: context.uid === 0 }),
  ];
  const [first] = problems;
  if (first === undefined) return;
  const needed = neededFor(
    pending.map(({ recipe }) => recipe),
    selection.requirements,
  );
  const lacking = requirementError(selection.host, needed);
  const messages = [...problems.map(({ message }) => message), ...(lacking === null ? [] : [lacking.message])];
  const hints = [...problems.map(({ hint }) => hint), ...(lacking?.hint === undefined ? [] : [lacking.hint])];
  throw new ForgeError(
    first.code,
    messages.length === 1 ? first.message : `${messages.length} things stand in the way of the builds`,
    {
      details: [...(messages.length === 1 ? [] : messages), ...(lacking?.details ?? [])],
      hint: [...new Set(hints)].join("; "),
    },
  );
}
