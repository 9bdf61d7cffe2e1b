import { z } from "zod";
import { advisories } from "./advisories-schema.ts";
import { family, fileName, form, mapping, name, range, sha256, text, variables, version, when } from "./fields.ts";
import { signatureOf, signers, sigstoreIdentity } from "./signers-schema.ts";
import { ownTests } from "./own-tests-schema.ts";
import { gate, step } from "./steps-schema.ts";

const url = z.string().regex(/^https?:\/\/[^\s/]+\/\S*$/, { error: "an address that begins with https:// or http://" });

/** A relative one would be another file in each folder that tlsforge is called from. */
const localPath = z.string().regex(/^\//, { error: "an absolute path, that begins with /" });

const location = family(
  "location",
  ["url", "mirror", "debian", "pypi", "file"],
  [
    mapping({ url }).transform((place) => ({ kind: "url" as const, ...place })),
    mapping({ mirror: url }).transform((place) => ({ kind: "mirror" as const, url: place.mirror })),
    mapping({ debian: z.string().regex(/^pool\/\S+$/, { error: "a path that begins with pool/" }) }).transform(
      (place) => ({ kind: "debian" as const, path: place.debian }),
    ),
    mapping({ pypi: mapping({ project: text, file: fileName }) }).transform((place) => ({
      kind: "pypi" as const,
      ...place.pypi,
    })),
    mapping({ file: localPath }).transform((place) => ({ kind: "file" as const, path: place.file })),
  ],
);

const source = mapping({
  sha256,
  form: form.default("release"),
  file: fileName.exactOptional(),
  locations: z.array(location).min(1),
  signature: signatureOf(location).exactOptional(),
});

const date = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, { error: "a date such as 2030-04-08", abort: true })
  .refine(isDay, { error: "a day that the calendar has, such as 2030-04-08" });

/** The calendar takes the 31st of a shorter month for a day of the next one. */
function isDay(text: string): boolean {
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

const recipeVersion = mapping({
  version,
  support: mapping({ status: z.enum(["lts", "supported", "security", "ended"]), until: date.exactOptional() }),
  vulnerable: z
    .array(mapping({ id: text, name: text }))
    .default([])
    .describe("Known holes; only a stack whose purpose is reproduction takes such a version"),
  sources: z.array(source).default([]),
});

const requirementCommon = {
  when: when.exactOptional(),
  wanted: z.boolean().exactOptional(),
  why: text.exactOptional(),
};

const requirement = family(
  "requirement",
  ["program", "header", "perl-module"],
  [
    mapping({ program: text, version: range.exactOptional(), ...requirementCommon }).transform(
      ({ program, ...rest }) => ({ kind: "program" as const, name: program, ...rest }),
    ),
    mapping({ header: text, library: text.exactOptional(), ...requirementCommon }).transform(({ header, ...rest }) => ({
      kind: "header" as const,
      name: header,
      ...rest,
    })),
    mapping({ "perl-module": text, ...requirementCommon }).transform(({ "perl-module": module, ...rest }) => ({
      kind: "perl-module" as const,
      name: module,
      ...rest,
    })),
  ],
);

const megabytes = z
  .int()
  .nonnegative()
  .transform((count) => count * 1_000_000);

/** The written form of `recipe.yaml`. */
export const recipeSchema = mapping({
  schema: z.literal("tlsforge.recipe/1"),
  name,
  summary: text,
  homepage: z
    .string()
    .regex(/^https?:\/\/\S+$/, { error: "an address that begins with https:// or http://" })
    .default(""),
  license: text.describe("SPDX expression"),
  weight: z.number().positive().default(1).describe("Expected CPU seconds of a build"),
  signers,
  disk: mapping({ scratch: megabytes, output: megabytes })
    .exactOptional()
    .describe("Megabytes (10^6 bytes) on disk that a build needs at most: where it works, and of its output"),
  versions: z.array(recipeVersion).min(1).describe("Newest first"),
  "security-floor": z.array(mapping({ branch: range, version, reason: text })).default([]),
  advisories,
  inputs: z.array(name).default([]).describe("Recipes that this one is built against"),
  platforms: z
    .array(mapping({ when, values: variables }))
    .default([])
    .describe("Values of ${platform.NAME}; the first match wins"),
  requirements: z.array(requirement).default([]),
  environment: variables.default({}),
  lock: z
    .string()
    .regex(/^(?:[a-z0-9-]+\.)?lock\.yaml$/, { error: "lock.yaml for recipe.yaml, LINE.lock.yaml for LINE.yaml" })
    .exactOptional()
    .describe("The lock file beside the recipe"),
  unpack: variables.default({}).describe("Locked projects that are unpacked instead of installed: project to folder"),
  steps: z.array(step).min(1),
  gates: z.array(gate).default([]),
  check: ownTests
    .exactOptional()
    .describe("The package's own tests, run on request (--check); never part of the build key"),
});

/** A recipe that fits the schema, defaults filled in. */
export type WrittenRecipe = z.output<typeof recipeSchema>;

const crateWord = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.+-]*$/, { error: "a crate's name or version, as in Cargo.lock" });

/** The written form of `lock.yaml`. */
export const lockSchema = mapping({
  schema: z.literal("tlsforge.lock/1"),
  packages: z
    .array(
      mapping({
        project: text,
        version: text,
        role: z.enum(["build", "runtime"]),
        when: when.exactOptional(),
        publisher: sigstoreIdentity
          .exactOptional()
          .describe("Who must have attested the file on the package index (PEP 740)"),
        files: z.array(mapping({ file: fileName, sha256, when: when.exactOptional() })).min(1),
      }),
    )
    .min(1),
  crates: z
    .array(mapping({ crate: crateWord, version: crateWord, sha256 }))
    .refine((crates) => new Set(crates.map(({ crate, version }) => `${crate} ${version}`)).size === crates.length, {
      error: "each crate in one version once",
    })
    .default([])
    .describe(
      "Every crate of the Cargo.lock files of unpacked projects: cargo compiles them from a folder, without a registry",
    ),
});

/** The written form of a stack. */
export const stackSchema = mapping({
  schema: z.literal("tlsforge.stack/1"),
  name,
  summary: text,
  purpose: z
    .enum(["service", "reproduction"])
    .default("service")
    .describe("reproduction: an old system as it was, with its known holes"),
  recipes: z.record(name, range).describe("Recipe to version range"),
  lines: z
    .record(name, name)
    .default({})
    .describe("Recipes that are taken from LINE.yaml of their folder instead of recipe.yaml"),
  server: name.describe("The recipe that is launched"),
  openssl: name.describe("The recipe whose OpenSSL makes certificates"),
  python: name.describe("The recipe whose Python runs the server"),
});
