import { accessSync, constants, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { bytesOf, readHardening, readSourceNames, type ElfHardening } from "../../elf/index.ts";
import type { ResolvedRecipe } from "../../recipe/index.ts";
import { closedEnvironment } from "../environment.ts";
import type { BuildContext } from "../types.ts";
import { prefixMap, quiet } from "./wrapper.ts";

/** What the compiler of this machine can do for a build, found out by compiling. */
export interface CompilerFacts {
  /** The hardening flags that it takes, for compiling and for linking, with spaces between: `${hardening.compile}` and `${hardening.link}`. */
  readonly compile: string;
  readonly link: string;
  /** Those that it does not take. */
  readonly refused: readonly string[];
  /** Compilers by the names under which builds call them. `flags`: what each takes of the flags that a record needs. */
  readonly programs: readonly { readonly name: string; readonly file: string; readonly flags: readonly string[] }[];
  /** What a program and a library come to that have nothing in them but what the compiler puts there; null when they cannot be linked. */
  readonly program: ElfHardening | null;
  readonly library: ElfHardening | null;
  /** Source names of the objects that the compiler adds of its own accord. */
  readonly ownNames: ReadonlySet<string>;
}

/**
 * Flags that every machine's compiler may take, each by itself; `arch` narrows one to the processors that it is for.
 * What is changed here, or in the wrapper, changes outputs: raise the key's format in plan/derive.ts then.
 */
const compileFlags: readonly { readonly flags: readonly string[]; readonly arch?: string }[] = [
  { flags: ["-fstack-protector-strong"] },
  { flags: ["-fstack-clash-protection"] },
  { flags: ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3"] },
  { flags: ["-fcf-protection=full"], arch: "x86_64" },
  { flags: ["-mbranch-protection=standard"], arch: "aarch64" },
];
/** Where level 3 brings a warning, as from older compilers, it is level 2. */
const fortify2 = ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"];
const linkFlags = ["-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack"];
const names = ["cc", "gcc", "clang", "c++", "g++", "clang++"];

/** It calls what C libraries keep in a static part of their own, so that those objects are known too. */
const source = `#include <stdlib.h>
#include <sys/stat.h>
static void nothing(void) {}
int tlsforge_probe(void) { struct stat facts; return atexit(nothing) + at_quick_exit(nothing) + stat("/", &facts) + fstat(0, &facts) + lstat("/", &facts); }
`;

/** Whether a recipe asks for what `askCompiler` finds out. */
export function asksCompiler({ steps, environment }: ResolvedRecipe): boolean {
  return steps.some((step) => step.kind === "record") || JSON.stringify([steps, environment]).includes("${hardening.");
}

/** Asks the compiler that the build's `cc` is; null when there is none. Works in a folder of its own in the scratch folder. */
export async function askCompiler(context: BuildContext): Promise<CompilerFacts | null> {
  const { scratch, toolPaths, derivation } = context;
  const environment = closedEnvironment(context);
  const programs = findPrograms(environment["PATH"] ?? "", path.join(scratch, "bin"));
  const cc = toolPaths["cc"] ?? programs[0]?.file;
  if (cc === undefined) return null;
  const folder = path.join(scratch, "compiler");
  mkdirSync(folder, { recursive: true });
  try {
    const [file, main] = [path.join(folder, "tlsforge-probe.c"), path.join(folder, "tlsforge-main.c")];
    writeFileSync(file, source);
    writeFileSync(main, "int tlsforge_probe(void);\nint main(void) { return tlsforge_probe(); }\n");
    const run = async (program: string, argv: readonly string[]): Promise<boolean> => {
      const { exitCode } = await execa(program, argv, {
        cwd: folder,
        env: { ...environment, TMPDIR: folder },
        extendEnv: false,
        stdio: "ignore",
        reject: false,
      });
      return exitCode === 0;
    };
    const takes = (program: string, flags: readonly string[]): Promise<boolean> =>
      run(program, ["-Werror", "-O2", ...flags, "-c", "-x", "c", file, "-o", "taken.o"]);
    const { taken, refused } = await chooseFlags((flags) => takes(cc, flags), derivation.platform.arch);
    const build = async (own: readonly string[], files: readonly string[]): Promise<Buffer | null> =>
      (await run(cc, ["-O2", ...taken, ...own, ...linkFlags, ...files, "-o", "made"]))
        ? readFileSync(path.join(folder, "made"))
        : null;
    const program = await build(["-fPIE", "-pie"], [file, main]);
    const library = await build(["-fPIC", "-shared"], [file]);
    const flags = await recordFlags(programs, takes);
    return {
      compile: taken.join(" "),
      link: linkFlags.join(" "),
      refused,
      programs: programs.map((entry) => ({ ...entry, flags: flags.get(realpathSync(entry.file)) ?? [] })),
      program: program === null ? null : readHardening(bytesOf(program)),
      library: library === null ? null : readHardening(bytesOf(library)),
      ownNames: new Set(
        [program, library]
          .flatMap((made) => (made && readSourceNames(bytesOf(made))) ?? [])
          .filter((name) => name !== path.basename(file) && name !== path.basename(main)),
      ),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** All at once first, and each alone only when that is not taken. */
async function chooseFlags(
  takes: (flags: readonly string[]) => Promise<boolean>,
  arch: string,
): Promise<{ readonly taken: readonly string[]; readonly refused: readonly string[] }> {
  const wanted = compileFlags.filter((entry) => entry.arch === undefined || entry.arch === arch);
  const all = wanted.flatMap(({ flags }) => flags);
  if (await takes(all)) return { taken: all, refused: [] };
  const taken: string[] = [];
  const refused: string[] = [];
  for (const { flags } of wanted) {
    if (await takes(flags)) taken.push(...flags);
    else if (flags.includes("-D_FORTIFY_SOURCE=3")) taken.push(...fortify2);
    else refused.push(...flags);
  }
  return { taken, refused };
}

/** Asked of each program by itself: a machine may have compilers of two makers. */
async function recordFlags(
  programs: readonly { readonly file: string }[],
  takes: (program: string, flags: readonly string[]) => Promise<boolean>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const { file } of programs) {
    const real = realpathSync(file);
    if (found.has(real)) continue;
    const flags: string[] = [];
    for (const flag of [prefixMap, quiet]) if (await takes(file, [flag])) flags.push(flag);
    found.set(real, flags);
  }
  return found;
}

function findPrograms(searchPath: string, own: string): { readonly name: string; readonly file: string }[] {
  const folders = searchPath.split(":").filter((folder) => folder !== own);
  return names.flatMap((name) => {
    const file = folders.map((folder) => path.join(folder, name)).find(isProgram);
    return file === undefined ? [] : [{ name, file }];
  });
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
