import { noElfFiles } from "./none.ts";
import path from "node:path";
import {
  isArchive,
  isElf,
  readArchive,
  readHardening,
  readSection,
  readSourceNames,
  type ElfBytes,
} from "../../elf/index.ts";
import type { HardeningCheck, HardeningException } from "../../recipe/index.ts";
import type { CompilerFacts } from "./compiler.ts";
import { bindExceptions, globOf } from "./exceptions.ts";
import { filesOf, withBytes } from "../files.ts";
import { shortened } from "./findings.ts";
import { judgeLinking, judgeObject, judgeOrigin, remedies, type Weakness } from "./judge.ts";
import { parseRecords } from "./record.ts";
import type { GateResult } from "../types.ts";
import { counted } from "../../words.ts";
import { recordSection } from "./wrapper.ts";

/** What the hardening of an output is held against. */
export interface HardeningRules {
  readonly out: string;
  readonly except: readonly HardeningException[];
  /** What the compiler of this machine can do. */
  readonly compiler: CompilerFacts;
}

/**
 * Every ELF file and static library of an output: how it was linked, by its headers, and how each of its objects was compiled, by the record
 * that the compiler left in it. An object without a record is a finding, and so is a file whose objects cannot be told. What the compiler of
 * this machine cannot do at all is untestable.
 */
export function checkHardening(rules: HardeningRules): GateResult {
  const exceptions = bindExceptions(rules.except);
  const findings: string[] = [];
  const checks = new Set<HardeningCheck>();
  let [files, objects] = [0, 0];
  for (const file of filesOf(rules.out)) {
    const name = path.relative(rules.out, file);
    const found = withBytes(file, (bytes) => look(bytes, rules.compiler));
    if (found === null) continue;
    files += 1;
    objects += found.objects;
    for (const { check, object, text } of found.weaknesses) {
      const fits = (entry: HardeningException): boolean =>
        entry.checks.includes(check) &&
        (entry.objects === undefined || (object !== undefined && entry.objects.some((glob) => matches(glob, object))));
      if (exceptions.excuse(name, fits)) continue;
      checks.add(check);
      findings.push(`${name}: ${object === undefined ? text : `${object}: ${text}`}`);
    }
  }
  if (findings.length > 0)
    return {
      outcome: "fail",
      detail: `${counted(findings.length, "finding")} in ${counted(files, "ELF file")}`,
      findings: shortened(findings),
      hint: `${[...checks].map((check) => remedies[check]).join("; ")}; or list it in the gate's "except" with the reason`,
    };
  if (files === 0) return noElfFiles;
  return {
    outcome: "pass",
    detail: [`${counted(files, "ELF file")} of ${counted(objects, "object")}`, ...exceptions.told()].join("; "),
    untestable: untestable(rules.compiler),
  };
}

/** What one file has; null for what is neither ELF file nor static library. */
function look(
  bytes: ElfBytes,
  compiler: CompilerFacts,
): { readonly weaknesses: readonly Weakness[]; readonly objects: number } | null {
  const start = bytes.read(0, Math.min(8, bytes.size));
  try {
    if (isElf(start)) return lookInside(bytes, compiler);
    if (!isArchive(start)) return null;
    const members = [...readArchive(bytes)].map((member) => {
      const { weaknesses, objects } = lookInside(member.bytes, compiler);
      const named = weaknesses.map((each) => ({ ...each, object: each.object ?? member.name }));
      return { weaknesses: named, objects };
    });
    return {
      weaknesses: members.flatMap(({ weaknesses }) => weaknesses),
      objects: members.reduce((sum, { objects }) => sum + objects, 0),
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { weaknesses: [{ check: "record", text: `cannot be judged: ${error.message}` }], objects: 0 };
  }
}

function lookInside(
  bytes: ElfBytes,
  compiler: CompilerFacts,
): { readonly weaknesses: readonly Weakness[]; readonly objects: number } {
  const elf = readHardening(bytes);
  if (elf === null) return { weaknesses: [], objects: 0 };
  const records = parseRecords(readSection(bytes, recordSection) ?? Buffer.alloc(0));
  return {
    weaknesses: [
      ...judgeLinking(elf, compiler),
      ...records.flatMap((record) => judgeObject(record, compiler)),
      ...judgeOrigin(readSourceNames(bytes), records, compiler),
    ],
    objects: records.length,
  };
}

/** Objects are told by their source file, with or without its folders. */
function matches(glob: string, object: string): boolean {
  const pattern = globOf(glob);
  return pattern.test(object) || pattern.test(path.basename(object));
}

/** What nothing that this compiler makes can have, which no output is to be blamed for, and which is not there either. */
function untestable({ refused, program, library }: CompilerFacts): string[] {
  const both = [program, library].every((made) => made?.branches === true && made.returns);
  return [
    ...(refused.length > 0 ? [`${refused.join(", ")}: this machine's compiler does not take it`] : []),
    ...(both || refused.some((flag) => /protection=/.test(flag))
      ? []
      : [
          "branch protection of whole files (CET, BTI): what this machine's compiler adds to every file is made without",
        ]),
  ];
}
