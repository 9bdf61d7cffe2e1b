import { expect, it } from "vitest";
import { unsignedWarnings } from "../../../../src/cli/make/unsigned.ts";
import type { Source } from "../../../../src/recipe/index.ts";
import type { Receipt } from "../../../../src/store/index.ts";

type Built = Receipt["sources"][number];
const source: Source = {
  name: "hello",
  file: "hello.tar.gz",
  sha256: "0".repeat(64),
  locations: [],
  form: "release",
  unpack: "none",
};
const warningsFor = (required: boolean, built: Partial<Built>): readonly string[] =>
  unsignedWarnings(
    { sources: [{ ...source, signature: { signers: [], required, locations: [] } }] },
    {
      recipe: "hello",
      version: "1.0",
      sources: [{ name: "hello", file: source.file, sha256: "", location: "cache", verified: true, ...built }],
    },
  );
const observed = (pinned: boolean): Partial<Built> => ({
  signature: { outcome: "observed", kind: "openpgp", signer: "somebody", made: "", pinned, from: "cache", notes: [] },
});
const untestable = { signature: { outcome: "untestable", why: "the caches have none" } } as const;

it.each([
  ["a signature that is not there", untestable, "the caches have none"],
  ["a receipt of before signatures", {}, "none was looked for"],
  ["a signer whom the recipe had not named", observed(false), "it is by somebody, whom no one had named"],
] as const)("%s is told where the recipe demands one now", (_, built, why) => {
  expect(warningsFor(true, built)).toEqual([
    `hello 1.0 was built without the signature of hello that its recipe demands: ${why}`,
  ]);
  expect(warningsFor(false, built)).toEqual([]);
});

it("a good one is no warning, nor is a user's own file, which is one already", () => {
  expect(warningsFor(true, observed(true))).toEqual([]);
  expect(warningsFor(true, { ...untestable, verified: false })).toEqual([]);
});
