/** GNU and BSD patch. */
import type { Rule } from "./types.ts";

const hint = "the recipe's patch is for another version: give it a `when:` or renew it";

export const patchRules: readonly Rule[] = [
  {
    id: "patch",
    pattern:
      /^\d+ out of \d+ hunks? (?:failed|ignored)|^Reversed \(or previously applied\) patch detected|can't find file to patch/i,
    code: "patch-failed",
    summary: "",
    hint,
    tell: ({ lines }) => ({ summary: patchTrouble(lines), hint }),
  },
  {
    id: "patch-malformed",
    pattern: /^patch: \*\*\*\*\s+(?<said>malformed patch at line \d+|Only garbage was found in the patch input)/,
    code: "patch-failed",
    summary: "the patch itself is damaged: {said}",
    hint: "renew the recipe's patch file",
  },
];

/** Which hunks of which file do not apply, or why a whole file of the patch was left out. */
function patchTrouble(lines: readonly string[]): string {
  const hunks: string[] = [];
  let file = "";
  for (const line of lines) {
    file = /^(?:checking|patching) file '?([^']+?)'?(?: using .*)?$/i.exec(line)?.[1] ?? file;
    const hunk = /^Hunk #(\d+) failed at (\d+)/i.exec(line);
    if (hunk !== null) hunks.push(`hunk ${hunk[1]} of ${file === "" ? "a file" : file} (line ${hunk[2]})`);
  }
  const more = hunks.length > 3 ? ` and ${hunks.length - 3} more` : "";
  if (hunks.length > 0) return `the patch does not apply: ${hunks.slice(0, 3).join(", ")}${more}`;
  if (lines.some((line) => /^Reversed \(or previously applied\)/i.test(line)))
    return `the patch is in ${file === "" ? "the source" : file} already`;
  const wanted = lines.map((line) => /^\|?--- (\S+)/.exec(line)?.[1]).findLast((name) => name !== undefined);
  if (lines.some((line) => /can't find file to patch/i.test(line)))
    return `the patch changes ${wanted ?? "a file"}, which the source does not have`;
  return "the patch does not apply";
}
