import { ForgeError } from "../errors.ts";
import type { Requirement } from "../recipe/types.ts";
import { findCompiler, tryHeaders, withScratch } from "./compiler.ts";
import { packageAdvice } from "./packages/advice.ts";
import { candidateVersions } from "./packages/candidates.ts";
import { packageAnswers } from "./packages/index.ts";
import type { PackageAnswer } from "./packages/types.ts";
import { findRust } from "./rust.ts";
import { describeProgram, inRange } from "./tools.ts";
import type { ProgramFacts } from "./tools.ts";
import type { Host, RequirementResult, Resource } from "./types.ts";

type Finding = Omit<RequirementResult, "requirement" | "provides" | "base">;
type Findings = readonly (readonly [Requirement, Finding])[];

/**
 * Tries each requirement (conditions already resolved) and gives one result per requirement, in order, with the packages that give it.
 * All are tried at once. `unknown`: it could not be tried (a header without a compiler, a version that the program does not tell);
 * then too the packages are named.
 */
export async function checkRequirements(
  host: Host,
  requirements: readonly Requirement[],
): Promise<readonly RequirementResult[]> {
  const of = <K extends Requirement["kind"]>(kind: K): Extract<Requirement, { kind: K }>[] =>
    requirements.filter((requirement): requirement is Extract<Requirement, { kind: K }> => requirement.kind === kind);
  const [compiled, modules, rust, programs] = await Promise.all([
    checkCompiled(host, of("program").filter(isCompiler), of("header")),
    checkPerlModules(host, of("perl-module")),
    checkRust(host, of("program").filter(isRust)),
    Promise.all(
      of("program")
        .filter((requirement) => !isCompiler(requirement) && !isRust(requirement))
        .map(async (requirement) => [requirement, await checkProgram(host, requirement)] as const),
    ),
  ]);
  const findings = new Map<Requirement, Finding>([...compiled, ...modules, ...rust, ...programs]);
  const rustRange = of("program").find((requirement) => requirement.name === "rustc")?.version;
  return Promise.all(
    requirements.map(async (requirement): Promise<RequirementResult> => {
      const finding = findings.get(requirement) ?? { outcome: "unknown" };
      const range = "version" in requirement ? requirement.version : undefined;
      const answers = packageAnswers(host.packageFamily, requirement);
      const provides =
        finding.outcome === "met"
          ? []
          : await choosePackages(host, answers, isRust(requirement) ? (rustRange ?? range) : range);
      const base = finding.outcome === "met" ? undefined : answers.find((answer) => answer.base !== undefined)?.base;
      return { requirement, ...finding, provides, ...(base === undefined ? {} : { base }) };
    }),
  );
}

/** One `package` resource for everything that is not met, or null when nothing is to be installed. */
export function packageResource(
  results: readonly RequirementResult[],
  origin: string,
): Extract<Resource, { kind: "package" }> | null {
  const names = [...new Set(results.flatMap((result) => result.provides))].toSorted();
  if (names.length === 0) return null;
  const why = results.filter((result) => result.provides.length > 0).map((result) => result.requirement.name);
  return { kind: "package", id: "package:requirements", origin, names, why: `gives ${[...new Set(why)].join(", ")}` };
}

/** What stands in the way of a build, all of it at once: an error that names each requirement, or null when all that is demanded is met. */
export function requirementError(host: Host, results: readonly RequirementResult[]): ForgeError | null {
  const failed = results.filter((result) => result.outcome !== "met" && result.requirement.wanted !== true);
  if (failed.length === 0) return null;
  const names = [...new Set(failed.flatMap((result) => result.provides))].toSorted();
  return new ForgeError(
    "requirement-missing",
    `this machine lacks ${failed.map((result) => result.requirement.name).join(", ")}`,
    {
      hint:
        names.length === 0
          ? "install what is named above"
          : host.privilege === "none"
            ? forRoot(host, names)
            : `run tlsforge with --yes to install the packages, or install them: ${names.join(" ")}`,
      details: failed.map((result) => describeResult(host, result)),
    },
  );
}

/** What someone with privilege has to do, as one line to copy. */
function forRoot({ packageFamily }: Host, names: readonly string[]): string {
  const commands: Partial<Record<Host["packageFamily"], string>> = {
    apt: "apt-get install",
    dnf: "dnf install",
    apk: "apk add",
    zypper: "zypper install",
    pacman: "pacman -S",
    pkg: "pkg install",
  };
  const command = commands[packageFamily];
  return command === undefined
    ? `install: ${names.join(" ")}`
    : `ask root to run: ${command} ${names.map((name) => (/[<>|()]/.test(name) ? `'${name}'` : name)).join(" ")}`;
}

function describeResult(host: Host, result: RequirementResult): string {
  const { requirement } = result;
  const wanted = "version" in requirement && requirement.version !== undefined ? ` ${requirement.version}` : "";
  const state = {
    met: "met",
    missing: "missing",
    "too-old": `found ${result.found ?? "another version"}`,
    unknown: "could not be tried",
  }[result.outcome];
  const packages =
    result.base !== undefined
      ? `part of ${result.base}`
      : result.provides.length === 0
        ? `no package known for ${host.packageFamily}${search(host, requirement)}`
        : `in ${result.provides.join(" ")}`;
  return `${requirement.kind} ${requirement.name}${wanted}: ${state} (${packages})`;
}

/** How its package is found. One that is known and too old is not what is looked for. */
function search({ packageFamily }: Host, requirement: Requirement): string {
  if (packageAnswers(packageFamily, requirement).length > 0) return "";
  const advice = packageAdvice(packageFamily, requirement);
  return advice === null ? "" : `; ${advice}`;
}

function isCompiler(requirement: Requirement): boolean {
  return requirement.kind === "program" && requirement.name === "cc";
}

function isRust(requirement: Requirement): boolean {
  return requirement.kind === "program" && (requirement.name === "rustc" || requirement.name === "cargo");
}

async function checkProgram(host: Host, requirement: Requirement & { kind: "program" }): Promise<Finding> {
  const path = await host.which(requirement.name);
  return path === null ? missing : judge(await describeProgram(host, requirement.name, path), requirement.version);
}

async function judge(facts: ProgramFacts, range: string | undefined): Promise<Finding> {
  const found = {
    path: facts.path,
    identity: facts.identity,
    ...(facts.version === null ? {} : { found: facts.version }),
  };
  if (range === undefined) return { outcome: "met", ...found };
  const fits = facts.version === null ? null : await inRange(facts.version, range);
  return { outcome: fits === null ? "unknown" : fits ? "met" : "too-old", ...found };
}

async function checkCompiled(
  host: Host,
  compilers: readonly (Requirement & { kind: "program" })[],
  headers: readonly (Requirement & { kind: "header" })[],
): Promise<Findings> {
  if (compilers.length === 0 && headers.length === 0) return [];
  const tried = await withScratch(host, async (scratch): Promise<Findings> => {
    const compiler = await findCompiler(host, scratch);
    const there = compiler?.works === true ? await tryHeaders(host, compiler.path, { scratch, headers }) : null;
    const forCompilers = await Promise.all(
      compilers.map(
        async (requirement) =>
          [requirement, compiler?.works === true ? await judge(compiler, requirement.version) : missing] as const,
      ),
    );
    const forHeaders = headers.map((requirement, index) => [requirement, headerFinding(there, index)] as const);
    return [...forCompilers, ...forHeaders];
  });
  return tried ?? [];
}

const missing: Finding = { outcome: "missing" };

function headerFinding(there: readonly boolean[] | null, index: number): Finding {
  if (there === null) return { outcome: "unknown" };
  return { outcome: there[index] === true ? "met" : "missing" };
}

async function checkPerlModules(
  host: Host,
  modules: readonly (Requirement & { kind: "perl-module" })[],
): Promise<Findings> {
  if (modules.length === 0 || (await host.which("perl")) === null) return [];
  const loader =
    'for my $name (@ARGV) { next unless $name =~ /^\\w+(?:::\\w+)*$/; print "$name\\n" if eval "require $name; 1" }';
  const answer = await host.exec(["perl", "-e", loader, ...modules.map((module) => module.name)], {
    timeoutSeconds: 10,
  });
  const loaded = new Set(answer.stdout.split("\n"));
  return modules.map(
    (module) =>
      [module, { outcome: loaded.has(module.name) ? "met" : answer.exitCode === 0 ? "missing" : "unknown" }] as const,
  );
}

async function checkRust(host: Host, wanted: readonly (Requirement & { kind: "program" })[]): Promise<Findings> {
  if (wanted.length === 0) return [];
  const toolchain = await findRust(host, wanted.find((requirement) => requirement.name === "rustc")?.version);
  return Promise.all(
    wanted.map(async (requirement) => {
      const facts = toolchain === null ? null : requirement.name === "rustc" ? toolchain.rustc : toolchain.cargo;
      return [requirement, facts === null ? missing : await judge(facts, requirement.version)] as const;
    }),
  );
}

/** The best answer's packages. What depends on a version is decided by the package lists; while there are none it stays open (`a>=1.83|b>=1.83`). */
async function choosePackages(
  host: Host,
  answers: readonly PackageAnswer[],
  range: string | undefined,
): Promise<readonly string[]> {
  const versioned = answers.flatMap((answer) => answer.versionOf ?? []);
  if (range === undefined || versioned.length === 0) return answers[0]?.packages ?? [];
  const candidates = await candidateVersions(host, versioned);
  if (candidates.size === 0) return [versioned.map((name) => `${name}${range}`).join("|")];
  for (const answer of answers) {
    const version = answer.versionOf === undefined ? undefined : candidates.get(answer.versionOf);
    if (version !== undefined && (await inRange(version, range)) === true) return answer.packages;
  }
  return [];
}
