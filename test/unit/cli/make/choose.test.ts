import { expect, it } from "vitest";
import { chooseVersions, type ChoiceRequest } from "../../../../src/cli/make/choose.ts";
import { parseRecipe } from "../../../../src/recipe/index.ts";

const recipe = parseRecipe({
  path: "/recipes/sdist/recipe.yaml",
  folder: "/recipes/sdist",
  text: `
schema: tlsforge.recipe/1
name: sdist
summary: only on the index
license: MIT
versions:
  - version: "1.0.0"
    support: { status: supported }
    sources:
      - sha256: ${"a".repeat(64)}
        locations:
          - pypi: { project: sdist, file: "sdist-{version}.tar.gz" }
steps:
  - run: [make]
`,
});

function request(offline: boolean): ChoiceRequest {
  return {
    recipes: [recipe],
    stack: { recipes: { sdist: "*" }, purpose: "service" },
    platform: { os: "linux", arch: "x86_64", libc: "gnu" },
    own: new Set(),
    built: new Set(),
    fetch: {
      caches: [],
      bases: { debian: [], pypi: null },
      offline,
      emit: () => undefined,
      signal: new AbortController().signal,
      environment: {},
    },
  };
}

it("takes a version from an index of Python packages that is not known before Python's source is there", async () => {
  expect(await chooseVersions(request(false))).toMatchObject([{ name: "sdist", version: "1.0.0" }]);
});

it("takes none that would have to be fetched from such an index when nothing may be fetched", async () => {
  await expect(chooseVersions(request(true))).rejects.toMatchObject({ code: "source-unavailable" });
});
