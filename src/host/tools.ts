/** How each program tells its version, and the line that stands for it in a build key. */
import type { ToolIdentity } from "../plan/types.ts";
import type { Host, RequirementResult } from "./types.ts";

/** What a program said about itself. */
export interface ProgramFacts {
  readonly path: string;
  readonly identity: string;
  /** Null when the program does not tell. */
  readonly version: string | null;
}

const compilerVersion = { args: ["--version"], pattern: /(?:\) |version )(\d+(?:\.\d+)*)/ };

/** Arguments that make a program tell its version, and where the version stands in the answer. `null`: it has no such argument. */
const versionArguments: Readonly<
  Record<string, { readonly args: readonly string[]; readonly pattern: RegExp } | null>
> = {
  perl: { args: ["-v"], pattern: /\(v(\d+(?:\.\d+)+)\)/ },
  // The maker's own version of a package stands in brackets before it: `gcc (crosstool-NG 1.25.0) 12.2.0`.
  ...Object.fromEntries(["cc", "gcc", "clang", "c++"].map((name) => [name, compilerVersion])),
  setcap: null,
  getcap: null,
  m4: { args: ["--version"], pattern: /(\d+(?:\.\d+)+)/ },
  openssl: { args: ["version"], pattern: /^\S+ (\d+(?:\.\d+)+)/ },
};

const usualVersion = { args: ["--version"], pattern: /(\d+(?:\.\d+)+)/ };

/** Runs the program at `path` to learn what it is. One that does not tell is known by its path and size. */
export async function describeProgram(host: Host, name: string, path: string): Promise<ProgramFacts> {
  const way = name in versionArguments ? versionArguments[name] : usualVersion;
  if (way !== null && way !== undefined) {
    const answer = await host.exec([path, ...way.args], { timeoutSeconds: 10 });
    const line = firstLine(answer.stdout) ?? firstLine(answer.stderr);
    if (answer.exitCode === 0 && line !== undefined) {
      return {
        path,
        identity: line,
        version: way.pattern.exec(line)?.[1] ?? way.pattern.exec(answer.stdout)?.[1] ?? null,
      };
    }
  }
  const facts = await host.facts(path);
  return { path, identity: `${name} ${path} ${facts?.size ?? "?"}`, version: null };
}

/**
 * Whether a version as a program tells it (`5.36.0`, `4.3`, `1.96.0+dfsg1-1~deb12u2`) is in a semver range. Null when it holds no version.
 */
export async function inRange(version: string, range: string): Promise<boolean | null> {
  const { default: semver } = await import("semver");
  const coerced = semver.coerce(version);
  return coerced === null ? null : semver.satisfies(coerced, range);
}

/** The identity line of each program that is there, by its name, for the build key. */
export function toolIdentity(results: readonly RequirementResult[]): ToolIdentity {
  return Object.fromEntries(
    programsOf(results).flatMap(({ name, result }) => (result.identity === undefined ? [] : [[name, result.identity]])),
  );
}

/** The absolute path of each program that is there, by its name: what `${tool.NAME}` becomes. */
export function toolPaths(results: readonly RequirementResult[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    programsOf(results).flatMap(({ name, result }) => (result.path === undefined ? [] : [[name, result.path]])),
  );
}

function programsOf(results: readonly RequirementResult[]): { name: string; result: RequirementResult }[] {
  return results
    .filter((result) => result.requirement.kind === "program" && result.outcome === "met")
    .map((result) => ({ name: result.requirement.name, result }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function firstLine(text: string): string | undefined {
  return text
    .split("\n")
    .map((line) => line.trim())
    .find((line) => line !== "");
}
