import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { lint } from "../../../src/cli/commands/recipe.ts";
import { checkKeys } from "../../../src/fetch/index.ts";
import { recipeFiles, shippedRecipe } from "../../tools/shipped.ts";
import { contextIn } from "../cli/context.ts";
import { fingerprint, keyOf } from "../fetch/openpgp-keys.ts";

const pinnedNowhere = "0123456789ABCDEF0123456789ABCDEF01234567";

/** What `recipe lint` says of a recipe with one signer, whose key file holds `keys`; null: there is none. */
async function linted(pinned: string, keys: string | null, exchange?: (file: string) => Promise<unknown>) {
  const folder = await mkdtemp(join(tmpdir(), "tlsforge-keys-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "keys"));
  if (keys !== null) await writeFile(join(folder, "keys/alice.asc"), keys);
  await exchange?.(join(folder, "keys/alice.asc"));
  const recipe = join(folder, "recipe.yaml");
  const text = [
    "schema: tlsforge.recipe/1",
    "name: sample",
    "summary: A small package",
    "license: MIT",
    "signers:",
    `  alice: { openpgp: { keys: keys/alice.asc, fingerprints: [${pinned}] } }`,
    'versions: [{ version: "1.0", support: { status: supported } }]',
    "steps: [{ make: {} }]",
  ];
  await writeFile(recipe, text.join("\n"));
  const { exitCode, fields } = await lint(contextIn(folder), [recipe]);
  return { exitCode, said: (fields.error?.details ?? []).join("\n").replaceAll(folder, "") };
}

describe("key files of a recipe", () => {
  test("that have the pinned keys are no problem, also as several blocks", async () => {
    const [alice, bob] = await Promise.all([keyOf("alice"), keyOf("bob")]);
    const file = `upstream's keys\n\n${bob.toPublic().armor()}\n${alice.toPublic().armor()}`;
    expect(await linted(fingerprint(alice), file)).toEqual({ exitCode: 0, said: "" });
  });

  test("that are missing are told with line and column", async () => {
    const { exitCode, said } = await linted(pinnedNowhere, null);
    expect([exitCode, said]).toEqual([
      2,
      expect.stringContaining("/recipe.yaml:6:29: the key file is missing: /keys/alice.asc"),
    ]);
  });

  test.each([
    ["that hold no keys", "nothing"],
    ["that are damaged", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZZ\n-----END PGP PUBLIC KEY BLOCK-----\n"],
  ])("%s are told with line and column", async (_, text) => {
    const { exitCode, said } = await linted(pinnedNowhere, text);
    expect([exitCode, said]).toEqual([
      2,
      expect.stringContaining("/recipe.yaml:6:29: /keys/alice.asc cannot be read as OpenPGP keys"),
    ]);
  });

  test("that have no end are not read", async () => {
    const { said } = await linted(pinnedNowhere, "", (file) => rm(file).then(() => symlink("/dev/zero", file)));
    expect(said).toContain("/recipe.yaml:6:29: /keys/alice.asc cannot be read as OpenPGP keys: it is no regular file");
  });

  test("without a pinned key are told at its fingerprint, with those that are there", async () => {
    const alice = await keyOf("alice", { subkey: true });
    const { exitCode, said } = await linted(pinnedNowhere, alice.toPublic().armor());
    expect([exitCode, said]).toEqual([
      2,
      expect.stringContaining(`/recipe.yaml:6:60: /keys/alice.asc holds no key ${pinnedNowhere}`),
    ]);
    expect(said).toContain(`expected: the fingerprint of a primary key: ${fingerprint(alice)}`);
    expect((await linted(fingerprint(alice.subkeys[0]!), alice.toPublic().armor())).exitCode).toBe(2);
  });
});

test.each(recipeFiles)("the shipped recipe %s has the keys that it pins, and no secret ones", async (file) => {
  const recipe = shippedRecipe(file);
  await expect(checkKeys(recipe)).resolves.toBeUndefined();
  const files = Object.values(recipe.signers).flatMap((signer) => (signer.kind === "openpgp" ? [signer.keys] : []));
  const texts = await Promise.all(files.map((path) => readFile(path, "utf8")));
  expect(texts.filter((text) => text.includes("PRIVATE"))).toEqual([]);
});

test.each(recipeFiles)(
  "the shipped recipe %s names a signer for each version that may serve, when it has signers",
  (file) => {
    const { signers, versions } = shippedRecipe(file);
    if (Object.keys(signers).length === 0) return;
    const mayServe = versions.filter(({ vulnerable }) => vulnerable.length === 0);
    const unsigned = mayServe.filter(({ sources }) => sources.some(({ signature }) => signature === undefined));
    expect(unsigned.map(({ version }) => version)).toEqual([]);
  },
);
