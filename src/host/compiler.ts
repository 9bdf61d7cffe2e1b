/** The C compiler and what it can reach, found out by compiling. */
import { describeProgram } from "./tools.ts";
import type { ProgramFacts } from "./tools.ts";
import type { Host } from "./types.ts";

/** A header, and the library that has its functions (as after `-l`). */
export interface HeaderQuestion {
  readonly name: string;
  readonly library?: string;
}

/** Runs `work` with a fresh folder for compiled probes, removed afterwards. Null when none can be made. */
export async function withScratch<T>(host: Host, work: (folder: string) => Promise<T>): Promise<T | null> {
  const made = await host.exec(["mktemp", "-d"], { timeoutSeconds: 10 });
  const folder = made.stdout.trim();
  if (made.exitCode !== 0 || folder === "") return null;
  try {
    return await work(folder);
  } finally {
    await host.exec(["rm", "-rf", "--", folder], { timeoutSeconds: 10 });
  }
}

/** The first of cc, gcc and clang that compiles and links a program; or the first that is there but does not, with `works: false`. */
export async function findCompiler(host: Host, scratch: string): Promise<(ProgramFacts & { works: boolean }) | null> {
  let broken: (ProgramFacts & { works: boolean }) | null = null;
  for (const name of ["cc", "gcc", "clang"]) {
    const path = await host.which(name);
    if (path === null) continue;
    const [facts, works] = await Promise.all([
      describeProgram(host, name, path),
      compiles(host, { compiler: path, output: `${scratch}/cc-${name}`, headers: [] }),
    ]);
    if (works) return { ...facts, works };
    broken ??= { ...facts, works };
  }
  return broken;
}

/**
 * For each question, whether a program that includes the header and links the library compiles.
 * All are tried in one program first; only when that fails each has one of its own.
 */
export async function tryHeaders(
  host: Host,
  compiler: string,
  options: { scratch: string; headers: readonly HeaderQuestion[] },
): Promise<readonly boolean[]> {
  const { scratch, headers } = options;
  if (headers.length === 0) return [];
  if (await compiles(host, { compiler, output: `${scratch}/all`, headers })) return headers.map(() => true);
  if (headers.length === 1) return [false];
  return Promise.all(
    headers.map((header, index) =>
      compiles(host, { compiler, output: `${scratch}/header-${index}`, headers: [header] }),
    ),
  );
}

async function compiles(
  host: Host,
  probe: { compiler: string; output: string; headers: readonly HeaderQuestion[] },
): Promise<boolean> {
  // Some headers (readline) use stdio's types without including it.
  const includes = ["stdio.h", ...probe.headers.map((header) => header.name)]
    .map((name) => `#include <${name}>\n`)
    .join("");
  const libraries = probe.headers.flatMap((header) => (header.library === undefined ? [] : [`-l${header.library}`]));
  const answer = await host.exec([probe.compiler, "-x", "c", "-", "-o", probe.output, ...libraries], {
    input: `${includes}int main(void) { return 0; }\n`,
    timeoutSeconds: 20,
  });
  return answer.exitCode === 0;
}
