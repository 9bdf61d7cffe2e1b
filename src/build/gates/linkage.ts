import { noElfFiles } from "./none.ts";
import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import { readElf, type ElfDynamic } from "../../elf/index.ts";
import { inside, realRoots, type Surroundings } from "./contents.ts";
import { globOf } from "./exceptions.ts";
import { shortened } from "./findings.ts";
import { filesOf, withBytes } from "../files.ts";
import { systemLibraries } from "./system-libraries.ts";
import type { GateResult } from "../types.ts";
import { counted } from "../../words.ts";

/** What the linkage of an output is held against. */
export interface LinkageRules extends Surroundings {
  /** Libraries of the system that are used on purpose; `*` stands for any characters. */
  readonly system: readonly string[];
}

interface Bound extends LinkageRules {
  readonly patterns: readonly { readonly text: string; readonly pattern: RegExp }[];
  readonly hasSystem: (name: string) => boolean;
  /** The entries of the list that something needs. */
  readonly used: Set<string>;
}

/**
 * Every ELF file of an output: each needed library is on the list of system libraries and there, or is found through the file's own run paths
 * in the output or one of its inputs; run paths are absolute and inside of those. A file that cannot be read is a finding. What is on the list
 * and nothing needs is told. Nothing is executed.
 */
export function checkLinkage(rules: LinkageRules): GateResult {
  const findings: string[] = [];
  const bound: Bound = {
    ...rules,
    patterns: rules.system.map((text) => ({ text, pattern: globOf(text) })),
    hasSystem: systemLibraries(),
    used: new Set(),
  };
  let files = 0;
  for (const file of filesOf(rules.out)) {
    const name = path.relative(rules.out, file);
    const elf = look(file);
    if (elf === null) continue;
    files += 1;
    const found = typeof elf === "string" ? [elf] : judge(elf, bound);
    findings.push(...found.map((finding) => `${name}: ${finding}`));
  }
  if (findings.length > 0)
    return {
      outcome: "fail",
      detail: `${counted(findings.length, "finding")} in ${counted(files, "ELF file")}`,
      findings: shortened(findings),
      hint: "link with -Wl,-rpath,<folder of the output or of an input>, or add the library to the gate's list when it is the system's on purpose (and install it where it is missing)",
    };
  if (files === 0) return noElfFiles;
  const unused = rules.system.filter((entry) => !bound.used.has(entry));
  const told = unused.length === 0 ? [] : [`on the list and not needed: ${unused.join(", ")}`];
  return { outcome: "pass", detail: [counted(files, "ELF file"), ...told].join("; ") };
}

function judge(elf: ElfDynamic, rules: Bound): string[] {
  const findings: string[] = [];
  // The loader ignores the older kind where there is the newer one (ld.so(8)).
  const runPaths = elf.runpath.length > 0 ? elf.runpath : elf.rpath;
  const roots = [rules.out, ...rules.inputs];
  for (const runPath of runPaths) {
    if (!path.isAbsolute(runPath))
      findings.push(`run path ${runPath === "" ? "(empty: the current folder)" : runPath} is not absolute`);
    else if (runPath.includes("$"))
      findings.push(`run path ${runPath} depends on who loads it: the loader replaces what begins with $`);
    else if (!roots.some((root) => inside(path.normalize(runPath), root)))
      findings.push(`run path ${runPath} is not inside the output or one of its inputs`);
  }
  for (const needed of elf.needed) {
    const own = findLibrary(needed, runPaths.filter(path.isAbsolute));
    if (own === null) {
      const entries = rules.patterns.filter(({ pattern }) => pattern.test(needed));
      for (const { text } of entries) rules.used.add(text);
      if (entries.length === 0)
        findings.push(
          `needs ${needed}, which is neither in its run paths nor on the recipe's list of system libraries`,
        );
      else if (!rules.hasSystem(needed)) findings.push(`needs ${needed}, which this machine does not have`);
    } else if (!realRoots(rules).some((root) => inside(own, root)))
      findings.push(`${needed} is found as ${own}, outside of the output and its inputs`);
  }
  if (elf.interpreter !== null && !existsSync(elf.interpreter))
    findings.push(`is started by ${elf.interpreter}, which is not there`);
  return findings;
}

/** As the loader looks: a name with a slash is a path, anything else is sought in the run paths. A link that leads nowhere is not there. */
function findLibrary(name: string, runPaths: readonly string[]): string | null {
  const candidates = name.includes("/") ? [name] : runPaths.map((folder) => path.join(folder, name));
  for (const candidate of candidates) {
    try {
      if (path.isAbsolute(candidate)) return realpathSync(candidate);
    } catch (error) {
      if (!["ENOENT", "ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  return null;
}

/** The dynamic section, or what hinders reading it; null for what is no ELF file or needs no loader. */
function look(file: string): ElfDynamic | string | null {
  try {
    return withBytes(file, readElf);
  } catch (error) {
    if (error instanceof RangeError) return `begins like an ELF file, but ${error.message}`;
    if ((error as NodeJS.ErrnoException).code === "EACCES") return "cannot be read";
    throw error;
  }
}
