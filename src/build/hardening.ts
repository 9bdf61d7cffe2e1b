import path from "node:path";
import {
  isArchive,
  isElf,
  readArchive,
  readHardening,
  readSection,
  readSourceNames,
  type ElfBytes,
  type ElfHardening,
} from "../elf/index.ts";
import type { HardeningCheck, HardeningException } from "../recipe/index.ts";
import type { CompilerFacts } from "./compiler.ts";
import { bindExceptions, globOf } from "./exceptions.ts";
import { filesOf, withBytes } from "./files.ts";
import { parseRecords, recordSection, type ObjectRecord } from "./record.ts";
import type { GateResult } from "./types.ts";

/** What the hardening of an output is held against. */
export interface HardeningRules {
  readonly out: string;
  readonly except: readonly HardeningException[];
  /** What the compiler of this machine can do. */
  readonly compiler: CompilerFacts;
}

/** Something that is not as it should be, in one file or in one object of it. */
interface Weakness {
  readonly check: HardeningCheck;
  readonly object?: string;
  readonly text: string;
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
      detail: `${findings.length} findings in ${files} ELF files`,
      findings: findings.length > 20 ? [...findings.slice(0, 20), `and ${findings.length - 20} more`] : findings,
      hint: `${[...checks].map((check) => remedies[check]).join("; ")}; or list it in the gate's "except" with the reason`,
    };
  if (files === 0)
    return {
      outcome: "fail",
      detail: "there is no ELF file to check",
      findings: [],
      hint: "remove the gate, or see why nothing was built",
    };
  return {
    outcome: "pass",
    detail: [`${files} ELF files of ${objects} objects`, ...exceptions.told()].join("; "),
    untestable: untestable(rules.compiler),
  };
}

const remedies: Readonly<Record<HardeningCheck, string>> = {
  pie: "compile with -fPIE and link with -pie",
  relro: "link with ${hardening.link} (-Wl,-z,relro)",
  "bind-now": "link with ${hardening.link} (-Wl,-z,now)",
  stack: "link with ${hardening.link} (-Wl,-z,noexecstack), and give assembler a .note.GNU-stack",
  "writable-code": "find the section that is both writable and executable (readelf -S), and mend it",
  "text-relocations": "compile with -fPIC what is linked into it",
  "stack-protector": "compile with ${hardening.compile} (-fstack-protector-strong)",
  fortify: "compile with ${hardening.compile} (-D_FORTIFY_SOURCE=3) and -O2",
  "stack-clash": "compile with ${hardening.compile} (-fstack-clash-protection)",
  "branch-protection": "compile with ${hardening.compile} (-fcf-protection=full, -mbranch-protection=standard)",
  assembler: "see that the assembler guards what it has to",
  record: "compile with cc, gcc, clang or c++ from PATH, and strip nothing before the gates",
};

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

function judgeLinking(elf: ElfHardening, { program, library }: CompilerFacts): Weakness[] {
  if (elf.role === "object") return [];
  const found: Weakness[] = [];
  const add = (is: boolean, check: HardeningCheck, text: string): void => {
    if (is) found.push({ check, text });
  };
  add(elf.role === "fixed", "pie", "is a program that always lies at the same address (no PIE)");
  add(!elf.relro, "relro", "what the loader writes stays writable (no RELRO)");
  add(!elf.bindNow, "bind-now", "functions are bound while it runs, so RELRO is partial");
  add(elf.stack === "executable", "stack", "has an executable stack");
  add(elf.stack === "unsaid", "stack", "does not say that its stack is not executable, so it is (no GNU_STACK)");
  add(elf.writableCode, "writable-code", "has memory that can be both written and executed");
  add(elf.textRelocations, "text-relocations", "the loader writes into its code (text relocations)");
  const best = elf.role === "library" ? library : program;
  const lacks = (best?.branches === true && !elf.branches) || (best?.returns === true && !elf.returns);
  add(lacks, "branch-protection", "something in it was made without branch protection, so all of it goes without");
  return found;
}

function judgeObject(record: ObjectRecord, compiler: CompilerFacts): Weakness[] {
  const { file: object, language } = record;
  if (language === "assembler") return [{ check: "assembler", object, text: "is assembler" }];
  const takes = (flag: string): boolean => compiler.compile.split(" ").some((taken) => taken.startsWith(flag));
  const found: Weakness[] = [];
  if (record.stackProtector !== "strong" && record.stackProtector !== "all")
    found.push({ check: "stack-protector", object, text: `compiled with stack protector: ${record.stackProtector}` });
  if (record.fortify < 2) found.push({ check: "fortify", object, text: "compiled without FORTIFY, or not optimised" });
  if (takes("-fstack-clash-protection") && !record.stackClash)
    found.push({ check: "stack-clash", object, text: "compiled without protection against stack clash" });
  if ((takes("-fcf-protection") || takes("-mbranch-protection")) && record.guards !== 3)
    found.push({ check: "branch-protection", object, text: "compiled without branch protection" });
  return found;
}

/**
 * Objects without a record: the symbol table has a name for each object that came from a compiler, and there have to be as many records of
 * that name. What the compiler adds to every program of its own accord counts as known.
 */
function judgeOrigin(
  names: readonly string[] | null,
  records: readonly ObjectRecord[],
  compiler: CompilerFacts,
): Weakness[] {
  if (names === null) return [{ check: "record", text: "has been stripped, so what it was made from cannot be told" }];
  const recorded = new Map<string, number>();
  for (const name of records.flatMap(({ file }) => file.split(", ").map((each) => path.basename(each))))
    recorded.set(name, (recorded.get(name) ?? 0) + 1);
  const unknown = new Set<string>();
  for (const name of names.map((each) => path.basename(each))) {
    const left = recorded.get(name) ?? 0;
    if (left > 0) recorded.set(name, left - 1);
    else if (name !== "" && !compiler.ownNames.has(name)) unknown.add(name);
  }
  return [...unknown].map((object) => ({ check: "record", object, text: "there is no record of how it was compiled" }));
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
