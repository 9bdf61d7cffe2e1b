/** The checks that rules name. Each looks for one defect and answers in three values. */
import type { Observations } from "../../probe/index.ts";
import type { Verdict } from "../verdict.ts";
import * as certificate from "./checks-certificate.ts";
import * as protocol from "./checks-protocol.ts";
import * as suite from "./checks-suite.ts";

export type Check = (observations: Observations) => Verdict;

export const checks = {
  ...certificate,
  ...protocol,
  ...suite,
} as const satisfies Readonly<Record<string, Check>>;

export type CheckName = keyof typeof checks;
