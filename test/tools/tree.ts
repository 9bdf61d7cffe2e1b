import { readFileSync } from "node:fs";

/** A process and all below it (Linux). Throws when it has ended. */
export function treeOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  return [pid, ...children.flatMap((child) => treeOf(child))];
}
