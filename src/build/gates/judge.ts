import path from "node:path";
import type { ElfHardening } from "../../elf/index.ts";
import type { HardeningCheck } from "../../recipe/index.ts";
import type { CompilerFacts } from "./compiler.ts";
import type { ObjectRecord } from "./record.ts";

/** Something that is not as it should be, in one file or in one object of it. */
export interface Weakness {
  readonly check: HardeningCheck;
  readonly object?: string;
  readonly text: string;
}

/** How a file was linked, by its headers. */
export function judgeLinking(elf: ElfHardening, { program, library }: CompilerFacts): Weakness[] {
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
  add(best?.branches === true && !elf.branches, "branch-protection", wholeFile("branch targets"));
  add(best?.returns === true && !elf.returns, "return-protection", wholeFile("return addresses"));
  return found;
}

function wholeFile(what: string): string {
  return `something in it was made without guarding its ${what}, so all of it goes without`;
}

/** How one object was compiled, by what its compiler left in it. Only what this machine's compiler can do is asked for. */
export function judgeObject(record: ObjectRecord, compiler: CompilerFacts): Weakness[] {
  const { file: object, language } = record;
  if (language === "assembler") return [{ check: "assembler", object, text: "is assembler" }];
  const takes = (flag: string): boolean => compiler.compile.split(" ").some((taken) => taken.startsWith(flag));
  const found: Weakness[] = [];
  if (record.stackProtector !== "strong" && record.stackProtector !== "all")
    found.push({ check: "stack-protector", object, text: `compiled with stack protector: ${record.stackProtector}` });
  if (record.fortify < 2) found.push({ check: "fortify", object, text: "compiled without FORTIFY, or not optimised" });
  if (takes("-fstack-clash-protection") && !record.stackClash)
    found.push({ check: "stack-clash", object, text: "compiled without protection against stack clash" });
  if (takes("-fcf-protection") || takes("-mbranch-protection")) {
    const [branches, returns] = [record.guards % 2 === 1, record.guards >= 2];
    if (!branches) found.push({ check: "branch-protection", object, text: "compiled without protection of branches" });
    if (!returns) found.push({ check: "return-protection", object, text: "compiled without protection of returns" });
  }
  return found;
}

/**
 * Objects without a record: the symbol table has a name for each object that came from a compiler, and there have to be as many records of
 * that name. What the compiler adds to every program of its own accord counts as known.
 */
export function judgeOrigin(
  names: readonly string[] | null,
  records: readonly ObjectRecord[],
  compiler: CompilerFacts,
): Weakness[] {
  // The files that a linker adds itself are always among them.
  if (names === null || names.every((name) => name === ""))
    return [{ check: "record", text: "has been stripped, so what it was made from cannot be told" }];
  const recorded = new Map<string, number>();
  for (const name of records.flatMap(namesOf)) recorded.set(name, (recorded.get(name) ?? 0) + 1);
  const unknown = new Set<string>();
  for (const name of names.map((each) => path.basename(each))) {
    const left = recorded.get(name) ?? 0;
    if (left > 0) recorded.set(name, left - 1);
    else if (name !== "" && !compiler.ownNames.has(name)) unknown.add(name);
  }
  return [...unknown].map((object) => ({ check: "record", object, text: "there is no record of how it was compiled" }));
}

/** The names that a symbol table may have for a recorded object. */
function namesOf({ file, language, object }: ObjectRecord): string[] {
  const sources = file.split(", ").map((each) => path.basename(each));
  if (language === "c") return sources;
  return [...sources, ...(object ? [object] : sources.map((name) => `${path.parse(name).name}.o`))];
}

/** What to do about each. */
export const remedies: Readonly<Record<HardeningCheck, string>> = {
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
  "return-protection": "compile with ${hardening.compile} (-fcf-protection, -mbranch-protection)",
  assembler: "see that the assembler guards what it has to",
  record: "compile with cc, gcc, clang or c++ from PATH, and strip nothing before the gates",
};
