import type { GateResult } from "../types.ts";

/** What a gate on ELF files says of an output that has none: a check of nothing is no pass. */
export const noElfFiles: GateResult = {
  outcome: "fail",
  detail: "there is no ELF file to check",
  findings: [],
  hint: "remove the gate, or see why nothing was built",
};
