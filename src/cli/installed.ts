/** What a generation has installed, as its receipts say, with the words of today's recipes about it. */
import type { Identity, Installed, RecipeWord } from "../audit/index.ts";
import { ForgeError } from "../errors.ts";
import { inRange, newestFirst, type Recipe } from "../recipe/index.ts";
import { readReceipt, type Manifest, type Receipt } from "../store/index.ts";

/** Everything that the outputs of a generation are made of. Throws `prefix-unusable` when one of them has no receipt any more. */
export async function installedIn(manifest: Manifest, recipes: readonly Recipe[]): Promise<readonly Installed[]> {
  const lists = await Promise.all(
    manifest.builds.map(async ({ recipe: name, out }) => {
      const receipt = await readReceipt(out);
      if (receipt === null)
        throw new ForgeError(
          "prefix-unusable",
          `generation ${manifest.generation} shows ${out}, which has no receipt`,
          {
            hint: "run tlsforge provision, which builds it anew",
          },
        );
      return installedBy(
        receipt,
        recipes.find((recipe) => recipe.name === name),
      );
    }),
  );
  return lists.flat();
}

/** What today's recipe says of a version; null where there is no such recipe. */
export function wordOf(recipe: Recipe | undefined, version: string): RecipeWord | null {
  if (recipe === undefined) return null;
  const listed = recipe.versions.find((entry) => entry.version === version);
  const floor = recipe.securityFloor.find(({ branch }) => inRange(version, branch));
  return {
    recipe: recipe.name,
    support: listed?.support ?? null,
    floor:
      floor === undefined
        ? null
        : { version: floor.version, reason: floor.reason, below: newestFirst(version, floor.version) > 0 },
    flaws: listed?.vulnerable ?? [],
  };
}

function installedBy(receipt: Receipt, recipe: Recipe | undefined): readonly Installed[] {
  const { recipe: name, version, sources } = receipt;
  const main = sources.find((source) => source.name === name);
  const own: Installed = {
    name,
    version,
    recipe: name,
    role: "installed",
    locked: false,
    verified: main?.verified ?? true,
    identity: identityOf(recipe),
  };
  const locked = sources.filter((source) => source !== main);
  return [own, ...locked.map((source) => lockedCrate(source, receipt) ?? lockedPackage(source, receipt, recipe))];
}

/**
 * A crate, whose source is called `NAME@VERSION`; null for what is none. It is in the output, and its versions are ordered as cargo orders them.
 */
function lockedCrate(
  { name: called, file, verified }: Receipt["sources"][number],
  { recipe: owner }: Receipt,
): Installed | null {
  if (!file.endsWith(".crate")) return null;
  const [name = called, version = file] = called.split("@");
  return {
    name,
    version,
    recipe: owner,
    role: "installed",
    locked: true,
    verified,
    identity: {
      scheme: "semver",
      packages: [{ ecosystem: "crates.io", name }],
      repositories: [],
      tags: [],
      products: [],
    },
  };
}

function lockedPackage(
  source: Receipt["sources"][number],
  { recipe: owner }: Receipt,
  recipe: Recipe | undefined,
): Installed {
  const entries = recipe?.lock.filter(({ project }) => project === source.name) ?? [];
  return {
    name: source.name,
    version: versionOfFile(source.file, source.name),
    recipe: owner,
    role: entries.length > 0 && entries.every(({ role }) => role === "build") ? "build" : "installed",
    locked: true,
    verified: source.verified,
    identity: {
      scheme: "pep440",
      packages: [{ ecosystem: "PyPI", name: source.name }],
      repositories: [],
      tags: [],
      products: [],
    },
  };
}

/**
 * The version in the file name of a distribution: the second part of a wheel's, what follows the project's in that of a source archive (PEP 427,
 * PEP 625). The file name itself when it is neither: then nothing compares with it.
 */
export function versionOfFile(file: string, project: string): string {
  if (file.endsWith(".whl")) return file.split("-")[1] ?? file;
  const base = file.replace(/\.(?:tar\.(?:gz|bz2|xz)|tgz|zip)$/, "");
  const name = project.replaceAll(/[-_.]+/g, "[-_.]+");
  return new RegExp(`^${name}-(.+)$`, "i").exec(base)?.[1] ?? file;
}

function identityOf(recipe: Recipe | undefined): Identity {
  const names = recipe?.advisories;
  return {
    scheme: names?.scheme ?? "dotted",
    packages: names?.osv ?? [],
    repositories: names?.repositories ?? [],
    tags: names?.tags ?? [],
    products: names?.cve ?? [],
  };
}
