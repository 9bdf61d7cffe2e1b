import { existsSync } from "node:fs";
import path from "node:path";
import { candidate } from "../../server/index.ts";
import { collectGarbage } from "../../store/index.ts";
import { asCalled } from "../../ui/index.ts";
import { sizeText } from "../../words.ts";
import type { Context } from "../context.ts";
import { lead, type Mark } from "../marks.ts";
import type { Result } from "../result.ts";
import { sourceCaches } from "../make/source-caches.ts";

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
  const { dryRun } = request;
  const says = (mark: Mark, items: readonly Judged[]): readonly string[] =>
    items.flatMap(({ path: item, why }) => pathLines(context, mark, [item, asCalled(why, program)]));
  const lines = [
    ...says(dryRun ? "would remove" : "removed", removed),
    ...(dryRun ? says("keep", kept) : []),
    dryRun
      ? `Would free ${sizeText(freed)} of ${options.prefix}.`
      : `Freed ${sizeText(freed)}; ${program} gc --dry-run says what is kept and why.`,
  ];
  return {
    outcome: removed.length > 0 ? "done" : "unchanged",
    exitCode: 0,
    fields: { prefix: options.prefix, dryRun: request.dryRun, removed, kept, freedBytes: freed },
    text: `${lines.join("\n")}\n`,
  };
}

type Judged = Awaited<ReturnType<typeof collectGarbage>>["removed"][number];

/** A path, of the prefix without it, and why: on a line of their own each where both do not fit on one. A path is never broken. */
function pathLines(
  { columns, options: { prefix, colour } }: Context,
  mark: Mark,
  [item, why]: readonly [string, string],
): readonly string[] {
  const inside = path.relative(prefix, item);
  const shown = inside.startsWith("..") ? item : inside;
  const room = mark.length + 2;
  const first = `${lead(mark, room, colour)}${shown}`;
  const together = room + shown.length + why.length + 4 <= columns;
  return together ? [`${first}  (${why})`] : [first, `${" ".repeat(room)}(${why})`];
}
