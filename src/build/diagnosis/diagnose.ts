import { autotoolsRules } from "./autotools.ts";
import { cmakeRules } from "./cmake.ts";
import { compilerRules } from "./compiler.ts";
import { linkerRules } from "./linker.ts";
import { machineRules } from "./machine.ts";
import { goRules } from "./go.ts";
import { makeRules } from "./make.ts";
import { killedBySignal, memoryRules } from "./memory.ts";
import { patchRules } from "./patch.ts";
import { perlRules } from "./perl.ts";
import { pkgConfigRules } from "./pkg-config.ts";
import { pythonRules } from "./python.ts";
import { rustRules } from "./rust.ts";
import { shellRules } from "./shell.ts";
import type { Circumstances, Diagnosis, Found, Lack, Rule } from "./types.ts";

/** All rules; of those that recognise one line the first counts, so that what the machine lacks goes before what a tool makes of it. */
export const rules: readonly Rule[] = [
  ...machineRules,
  ...memoryRules,
  ...compilerRules,
  ...linkerRules,
  ...patchRules,
  ...perlRules,
  ...pythonRules,
  ...rustRules,
  ...goRules,
  ...cmakeRules,
  ...pkgConfigRules,
  ...makeRules,
  ...shellRules,
  ...autotoolsRules,
];

/** Messages are short; what is longer is a command. */
const longest = 1000;

const nothingKnown: Circumstances = { exitCode: null, endedForMemory: null };

/**
 * What made a program fail, from its output (oldest line first): the first line that a rule recognises, since what comes later follows from
 * it, or is of another job of the same make. Errors that make was told to ignore do not count. Null when no rule fits: then nothing is guessed.
 */
export function diagnose(lines: readonly string[], circumstances = nothingKnown): Diagnosis | null {
  let vague: Diagnosis | null = null;
  for (const [index, line] of lines.entries()) {
    for (const rule of rules) {
      const match = rule.pattern.exec(line.slice(0, longest));
      if (match === null || !counts({ rule, match, lines, index, circumstances })) continue;
      const diagnosis = diagnosisOf(rule, { match, lines, index, circumstances });
      if (rule.vague !== true) return diagnosis;
      vague ??= diagnosis;
    }
  }
  return vague ?? killedBySignal(circumstances);
}

/** How many lines a program may still say between an error that ends it and its end. */
const lastWords = 3;

function counts(seen: {
  readonly rule: Rule;
  readonly match: RegExpExecArray;
  readonly lines: readonly string[];
  readonly index: number;
  readonly circumstances: Circumstances;
}): boolean {
  const { rule, match, lines, index, circumstances } = seen;
  const later = lines.slice(index + 1);
  if (isIgnored(later)) return false;
  const { after, before, confirmed } = rule;
  if (after !== undefined && !lines.slice(0, index).some((line) => line.includes(filled(after, match)))) return false;
  if (before !== undefined && !later.some((line) => line.includes(filled(before, match)))) return false;
  if (confirmed === undefined) return true;
  return (
    later.length <= lastWords ||
    confirmed.exits.includes(circumstances.exitCode ?? 0) ||
    later.some((line) => confirmed.by.test(line))
  );
}

/** Whether the next thing that make says of a command's end is that it does not matter (`-` in a makefile). */
function isIgnored(later: readonly string[]): boolean {
  const next = later.find((line) => /^\S*make(?:\[\d+\])?: (?:\*\*\* )?\[/.test(line));
  return next?.endsWith("(ignored)") === true;
}

function diagnosisOf(rule: Rule, found: Found): Diagnosis {
  const { match } = found;
  const said = rule.tell?.(found) ?? { summary: filled(rule.summary, match), hint: filled(rule.hint, match) };
  const name = match.groups?.["name"];
  return {
    rule: rule.id,
    code: rule.code ?? "build-failed",
    ...said,
    ...(rule.more === undefined ? {} : { summary: extended(said.summary, rule.more, found.lines.slice(found.index)) }),
    ...(rule.lacks === undefined || name === undefined ? {} : { lacks: lackOf(rule.lacks, name) }),
    ...(rule.aside === undefined ? {} : { aside: rule.aside }),
    line: match.input.trim(),
  };
}

function extended(summary: string, more: NonNullable<Rule["more"]>, lines: readonly string[]): string {
  const match = lines.map((line) => more.pattern.exec(line)).find((entry) => entry !== null);
  return match === undefined ? summary : `${summary}${filled(more.summary, match)}`;
}

function lackOf(kind: Lack["kind"], name: string): Lack {
  return { kind, name: kind === "perl-module" ? moduleName(name) : name };
}

function filled(text: string, match: RegExpExecArray): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, group: string) => moduleName(match.groups?.[group] ?? ""));
}

/** Perl names a module by its file, `IPC/Cmd.pm`. */
function moduleName(text: string): string {
  return text.endsWith(".pm") ? text.slice(0, -".pm".length).replaceAll("/", "::") : text;
}
