import { realpathSync, statSync } from "node:fs";
import path from "node:path";
import { readElf, readExports } from "../../elf/index.ts";
import { inside } from "./contents.ts";
import { globOf } from "./exceptions.ts";
import { shortened } from "./findings.ts";
import { withBytes } from "../files.ts";
import type { GateResult } from "../types.ts";

/** The names that libraries of an output must have for the loader and for programs. Paths relative to `out`. */
export interface ExportRules {
  readonly out: string;
  readonly libraries: Readonly<Record<string, { readonly soname: string; readonly versions: string }>>;
}

/** Each library: the name that programs linked with it ask for, and the versions of all that it exports. */
export function checkExports({ out, libraries }: ExportRules): GateResult {
  const findings = Object.entries(libraries).flatMap(([file, wanted]) =>
    judge(path.join(out, file), { ...wanted, out }).map((finding) => `${file}: ${finding}`),
  );
  if (findings.length === 0)
    return {
      outcome: "pass",
      detail: Object.values(libraries)
        .map(({ soname, versions }) => `${soname} with ${versions}`)
        .join(", "),
    };
  return {
    outcome: "fail",
    detail: `${findings.length} names are not those that were wanted`,
    findings: shortened(findings),
    hint: "see in the log with which name (-Wl,-soname) and version script it was linked",
  };
}

function judge(
  file: string,
  wanted: { readonly soname: string; readonly versions: string; readonly out: string },
): string[] {
  try {
    const real = realpathSync(file);
    if (!inside(real, realpathSync(wanted.out))) return [`leads to ${real}, which is not of this output`];
    if (!statSync(real).isFile()) return ["is no library"];
    return withBytes(real, (bytes) => {
      const dynamic = readElf(bytes);
      if (dynamic === null) return ["is no library"];
      const { versions, unversioned } = readExports(bytes);
      const pattern = globOf(wanted.versions);
      const foreign = versions.filter((version) => !pattern.test(version));
      return [
        ...(dynamic.soname === wanted.soname ? [] : [`is called ${dynamic.soname ?? "nothing"}, not ${wanted.soname}`]),
        ...(versions.length > 0 ? [] : [`exports no version ${wanted.versions}`]),
        ...foreign.map((version) => `exports version ${version}, which is not ${wanted.versions}`),
        ...(versions.length === 0 ? [] : unversioned.map((symbol) => `exports ${symbol} without a version`)),
      ];
    });
  } catch (error) {
    if (error instanceof RangeError) return [`cannot be read: ${error.message}`];
    if (["ENOENT", "ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) return ["is not there"];
    throw error;
  }
}
