import path from "node:path";
import { ForgeError } from "../errors.ts";
import { expand, expandPattern, type FileSpec, type ResolvedRecipe } from "../recipe/index.ts";
import type { CompilerFacts } from "./gates/compiler.ts";
import { closedEnvironment, processMark } from "./environment.ts";
import { recordFiles } from "./gates/record.ts";
import type { BuildContext } from "./types.ts";

/** What the variables of a build's steps stand for, and where its pieces lie. */
export interface Scope {
  readonly recipe: string;
  readonly recipeFolder: string;
  /** Where programs run unless a step says otherwise: the unpacked main source, or the scratch folder when there is none. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What marks every program of this build, whatever else a step sets. */
  readonly mark: Readonly<Record<string, string>>;
  readonly packages: ResolvedRecipe["packages"];
  /** What a `record` step puts in place. */
  readonly recordFiles: readonly FileSpec[];
  /** The file that installs a locked package: the fetched one, or the wheel that an earlier step built from its unpacked source. */
  readonly packageFile: (project: string) => string;
  /** Replaces `${...}`; an unknown variable is an error of the recipe. */
  readonly expand: (text: string) => string;
  /** The same for a regular expression: values stand for themselves. */
  readonly expandPattern: (text: string) => string;
}

/** Folder inside the scratch folder where files lie that are not unpacked. */
export const distFolder = "dist";

/** Folder inside the scratch folder where steps put the wheels that they build. */
export const wheelFolder = "wheels";

/** Binds a build's variables. `builtWheels` lists the file names in `${build}/wheels`; `compiler` is null where no step asks for it. */
export function bindScope(
  context: BuildContext,
  builtWheels: () => readonly string[],
  compiler: CompilerFacts | null = null,
): Scope {
  const { derivation, scratch } = context;
  const recipe = derivation.recipe;
  const main = recipe.sources.find((source) => source.unpack === "main");
  const directory = main === undefined ? scratch : path.join(scratch, "source");
  const variables: Record<string, string> = {
    out: derivation.out,
    build: scratch,
    source: directory,
    recipe: recipe.folder,
    dist: path.join(scratch, distFolder),
    version: recipe.version,
    jobs: String(context.jobs),
    prefix: derivation.prefix,
    ...Object.fromEntries(derivation.inputs.map((input) => [`inputs.${input.name}`, input.out])),
    ...Object.fromEntries(Object.entries(recipe.platformValues).map(([name, value]) => [`platform.${name}`, value])),
    ...Object.fromEntries(Object.entries(context.toolPaths).map(([name, value]) => [`tool.${name}`, value])),
    ...(compiler === null ? {} : { "hardening.compile": compiler.compile, "hardening.link": compiler.link }),
  };
  const replace = (text: string): string => expand(text, variables);
  const environment = {
    ...closedEnvironment(context),
    ...Object.fromEntries(Object.entries(recipe.environment).map(([name, value]) => [name, replace(value)])),
  };
  return {
    recipe: recipe.name,
    recipeFolder: recipe.folder,
    directory,
    environment,
    mark: processMark(context),
    packages: recipe.packages,
    recordFiles: compiler === null ? [] : recordFiles(compiler, scratch),
    packageFile: (project) => packageFile({ recipe, project, scratch, builtWheels: builtWheels() }),
    expand: replace,
    expandPattern: (text) => expandPattern(text, variables),
  };
}

function packageFile(search: {
  readonly recipe: ResolvedRecipe;
  readonly project: string;
  readonly scratch: string;
  readonly builtWheels: readonly string[];
}): string {
  const locked = search.recipe.packages.find((entry) => entry.project === search.project);
  if (locked === undefined)
    throw new ForgeError("recipe-invalid", `${search.recipe.name}: ${search.project} is not in the lock file`);
  const source = search.recipe.sources.find((entry) => entry.name === search.project);
  if (source === undefined || source.unpack === "none") return path.join(search.scratch, distFolder, locked.file);
  const wheel = search.builtWheels.find((name) => isWheelOf(name, locked));
  if (wheel === undefined) {
    throw new ForgeError(
      "recipe-invalid",
      `${search.recipe.name}: no step has built a wheel of ${search.project} before it is installed`,
      {
        hint: "build it into ${build}/wheels in an earlier step",
      },
    );
  }
  return path.join(search.scratch, wheelFolder, wheel);
}

/**
 * Whether a file name is that of a wheel of this project and version: `NAME-VERSION(-BUILD)?-PYTHON-ABI-PLATFORM.whl`. Names count as equal
 * whatever runs of `-`, `_` and `.` they have and in whatever case (PEP 427, PEP 503); wheels write these runs as one underscore, older tools kept dots.
 */
export function isWheelOf(file: string, wanted: { readonly project: string; readonly version: string }): boolean {
  const parts = file.endsWith(".whl") ? file.slice(0, -".whl".length).split("-") : [];
  const [name = "", version = ""] = parts;
  if (parts.length < 5 || parts.length > 6) return false;
  return normalized(name) === normalized(wanted.project) && version.toLowerCase() === wanted.version.toLowerCase();
}

function normalized(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, "-");
}
