/** A tiny real project, built through `runBuild` and the store as the command line does it. Loads no test framework: the child of a kill test uses it too. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { findSeal, runBuild, type BuildContext, type Seal } from "../../../src/build/index.ts";
import type { ForgeEvent } from "../../../src/events.ts";
import type { FetchedSource } from "../../../src/fetch/index.ts";
import { derive, type Derivation } from "../../../src/plan/index.ts";
import { parseRecipe, resolveRecipe, type ResolvedRecipe } from "../../../src/recipe/index.ts";
import { logPath, openPrefix, readFailed, realise, removeScratch, type Realised } from "../../../src/store/index.ts";

const fixture = join(import.meta.dirname, "..", "..", "fixtures", "build", "hello");

/** A prefix, and the project's recipe and source ready to be built into it. */
export interface Project {
  readonly prefix: string;
  readonly recipe: ResolvedRecipe;
  readonly sources: readonly FetchedSource[];
}

/** What a build may be given besides the usual. */
export interface MakeOptions extends Partial<
  Pick<
    BuildContext,
    | "jobs"
    | "passThrough"
    | "cargoHome"
    | "signal"
    | "seal"
    | "requireSandbox"
    | "offline"
    | "packageAdvice"
    | "keepFailed"
  >
> {
  readonly recipe?: Partial<ResolvedRecipe>;
  readonly inputs?: readonly Derivation[];
  readonly onEvent?: (event: ForgeEvent) => void;
}

/** Makes the tarball and the recipe in `folder`, and opens the prefix. Doing it again gives the same. */
export async function prepare(folder: string, prefix = join(folder, "p")): Promise<Project> {
  const recipes = join(folder, "hello");
  cpSync(fixture, recipes, { recursive: true });
  mkdirSync(join(recipes, "files/share/deep/__pycache__"), { recursive: true });
  writeFileSync(join(recipes, "files/share/deep/__pycache__/cached.pyc"), "");
  const tarball = join(folder, "hello-1.0.0.tar.gz");
  const flags = ["--sort=name", "--owner=0", "--group=0", "--mtime=@0", "--transform=s,^project,hello-1.0.0,"];
  execFileSync("tar", [...flags, "-C", fixture, "-cf", `${tarball}.plain`, "project"]);
  execFileSync("sh", ["-c", 'gzip -n <"$0" >"$1"', `${tarball}.plain`, tarball]);
  const bytes = await readFile(tarball);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const text = readFileSync(join(recipes, "recipe.yaml"), "utf8").replace("0".repeat(64), sha256);
  const recipe = resolveRecipe({
    recipe: parseRecipe({ text, path: "recipe.yaml", folder: recipes }),
    version: "1.0.0",
    sourceIndex: 0,
    platform,
    inputs: {},
  });
  const source = recipe.sources[0]!;
  const { path } = await openPrefix(prefix, { create: true });
  return {
    prefix: path,
    recipe,
    sources: [
      {
        source,
        path: tarball,
        location: "test",
        sha256,
        verified: true,
        signature: { outcome: "untestable", why: "made by the test" },
        bytes: statSync(tarball).size,
      },
    ],
  };
}

/** What this machine gives to seal builds with, or of that only the given ways. */
export function machineSeal(ways?: readonly (readonly string[])[]): Promise<Seal> {
  const script = join(import.meta.dirname, "..", "..", "..", "src", "build", "seal", "seal.pl");
  return findSeal({ script, path: "", homes: [homedir()], ...(ways === undefined ? {} : { ways }) });
}

const platform = { os: "linux", arch: "x86_64", libc: "gnu" } as const;

/** The derivation of the project, with changes. */
export function derivationOf(project: Project, options: MakeOptions = {}): Derivation {
  const inputs = options.inputs ?? [];
  const names = inputs.map((input) => input.recipe.name);
  const recipe = { ...project.recipe, inputs: names, ...options.recipe };
  return derive({ recipe, files: [], platform, prefix: project.prefix, inputs, tools: { cc: "cc" } });
}

/** Where a build of it works, as the command line has it. */
export function scratchOf({ prefix, key, recipe }: Derivation): string {
  return join(prefix, "build", `${key.slice(0, 16)}-${recipe.name}`);
}

/** The full log of a build. */
export function logOf({ prefix, key }: Derivation): string {
  return readFileSync(logPath(prefix, key), "utf8");
}

/** Builds it into the store. */
export async function make(
  project: Project,
  options: MakeOptions = {},
): Promise<Realised & { readonly derivation: Derivation; readonly events: readonly ForgeEvent[] }> {
  const derivation = derivationOf(project, options);
  const scratch = scratchOf(derivation);
  const events: ForgeEvent[] = [];
  const emit = (event: ForgeEvent): void => {
    events.push(event);
    options.onEvent?.(event);
  };
  const signal = options.signal ?? new AbortController().signal;
  const realised = await realise(
    derivation,
    async ({ log }) => {
      await removeScratch(scratch, project.prefix);
      await mkdir(scratch, { recursive: true });
      try {
        const outcome = await runBuild({
          derivation,
          sources: derivation.recipe.sources.length === 0 ? [] : project.sources,
          scratch,
          log,
          jobs: options.jobs ?? 2,
          toolFolders: [],
          toolPaths: {},
          passThrough: options.passThrough ?? {},
          ...(options.cargoHome === undefined ? {} : { cargoHome: options.cargoHome }),
          seal: options.seal ?? (await machineSeal()),
          requireSandbox: options.requireSandbox ?? false,
          offline: options.offline ?? false,
          keepFailed: options.keepFailed ?? false,
          ...(options.packageAdvice === undefined ? {} : { packageAdvice: options.packageAdvice }),
          emit,
          signal,
        });
        return { ...outcome, sources: [] };
      } finally {
        if ((await readFailed(scratch)) === null) await removeScratch(scratch, project.prefix);
      }
    },
    { emit, signal },
  );
  return { ...realised, derivation, events };
}

/** A recipe of these programs alone, without source and gates. */
export function programs(...argvs: readonly (readonly string[])[]): Partial<ResolvedRecipe> {
  return { sources: [], gates: [], steps: argvs.map((argv) => ({ kind: "run", argv })) };
}
