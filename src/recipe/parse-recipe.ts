import { check } from "./check.ts";
import { readDocument, type SourceDocument, type TextFile } from "./document.ts";
import { lintRecipe, lintVariables } from "./lint-recipe.ts";
import { fillIn, fillLocation, lastComponent } from "./locations.ts";
import { refuse, type Problem } from "./problems.ts";
import { lintSigners, toSignature, toSigners } from "./signers.ts";
import type { Span } from "../errors.ts";
import { lockSchema, recipeSchema, stackSchema, type WrittenRecipe } from "./recipe-schema.ts";
import type { LockedCrate, LockedPackage, Recipe, RecipeVersion, Stack } from "./types.ts";

/** A recipe's text, how messages name its file, the absolute path of its folder, and its lock file when there is one. */
export interface RecipeText extends TextFile {
  readonly folder: string;
  readonly lock?: TextFile;
}

/** Parses and checks a recipe with its lock file. Throws one ForgeError `recipe-invalid` whose `details` hold every problem. */
export function parseRecipe({ text, path, folder, lock }: RecipeText): Recipe {
  const document = readDocument({ text, path });
  const written = check(recipeSchema, document);
  const lockDocument = lock === undefined ? undefined : readDocument(lock);
  const locked = lockDocument === undefined ? undefined : check(lockSchema, lockDocument);
  const problems: Problem[] = [
    ...written.problems,
    ...(locked?.problems ?? []),
    ...(document.usable ? lintVariables(document) : []),
  ];
  if (written.value !== undefined)
    problems.push(
      ...lintRecipe({
        written: written.value,
        document,
        packages: locked?.value?.packages,
        hasLock: lock !== undefined,
      }),
      ...lintSigners(written.value, document),
    );
  if (written.value === undefined || problems.length > 0) return refuse("recipe-invalid", problems);
  const { packages: lockedPackages = [], crates = [] } = locked?.value ?? {};
  return toRecipe({ written: written.value, document, folder, lock: lockedPackages, crates });
}

/** Parses and checks a stack. Throws one ForgeError `recipe-invalid` whose `details` hold every problem. */
export function parseStack(file: TextFile): Stack {
  const document = readDocument(file);
  const { value, problems } = check(stackSchema, document);
  if (value === undefined) return refuse("recipe-invalid", problems);
  const { schema: _, ...stack } = value;
  const places = (key: "recipes" | "lines"): Readonly<Record<string, Span>> =>
    Object.fromEntries(Object.keys(value[key]).map((recipe) => [recipe, document.locateKey([key], recipe)]));
  return {
    ...stack,
    spans: {
      recipes: places("recipes"),
      lines: places("lines"),
      server: document.locate(["server"]),
      openssl: document.locate(["openssl"]),
      python: document.locate(["python"]),
    },
  };
}

function toRecipe(parts: {
  written: WrittenRecipe;
  document: SourceDocument;
  folder: string;
  lock: readonly LockedPackage[];
  crates: readonly LockedCrate[];
}): Recipe {
  const { written, document, folder, lock, crates } = parts;
  const { schema: _, lock: __, "security-floor": securityFloor, versions, signers: named, ...rest } = written;
  const signers = toSigners(named, document, folder);
  return {
    ...rest,
    folder,
    securityFloor,
    signers,
    versions: versions.map((version, index) => ({
      ...toVersion(version, signers),
      span: document.locate(["versions", index, "version"]),
    })),
    lock,
    crates,
    spans: {
      inputs: Object.fromEntries(written.inputs.map((input, index) => [input, document.locate(["inputs", index])])),
      files: filePlaces(written.steps, document),
    },
  };
}

/** Where the steps name each file of the recipe's folder. */
function filePlaces(steps: WrittenRecipe["steps"], document: SourceDocument): Readonly<Record<string, Span>> {
  return Object.fromEntries(
    steps.flatMap((step, index) => {
      if (step.kind === "patch") return [[step.file, document.locate(["steps", index, "patch"])] as const];
      if (step.kind !== "files") return [];
      return step.files.flatMap(({ from }, nth) =>
        from === undefined ? [] : [[from, document.locate(["steps", index, "files", nth, "from"])] as const],
      );
    }),
  );
}

function toVersion(
  written: WrittenRecipe["versions"][number],
  signers: Recipe["signers"],
): Omit<RecipeVersion, "span"> {
  const { version } = written;
  return {
    version,
    support: written.support,
    vulnerable: written.vulnerable,
    sources: written.sources.map((source) => {
      const file = fillIn(source.file ?? lastComponent(source.locations[0]), { version });
      const signature = toSignature(source, signers, { version, file });
      return {
        sha256: source.sha256,
        form: source.form,
        file,
        locations: source.locations.map((location) => fillLocation(location, { version, file })),
        ...(signature === undefined ? {} : { signature }),
      };
    }),
  };
}
