/** Go's own command. */
import type { Rule } from "./types.ts";

export const goRules: readonly Rule[] = [
  {
    id: "go-old",
    pattern: /^go: go\.mod requires go >= (?<wanted>\S+) \(running go (?<found>[^\s;)]+)/,
    summary: "go {found} is too old: {wanted} is needed",
    hint: "install a newer go and put it first on PATH",
  },
];
