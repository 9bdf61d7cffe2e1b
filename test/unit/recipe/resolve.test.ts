import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { candidates, parseRecipe, resolveRecipe, type Platform, type Recipe } from "../../../src/recipe/index.ts";

const fixtures = join(import.meta.dirname, "../../fixtures/recipes");
const read = (path: string): string => readFileSync(join(fixtures, path), "utf8");
const linux: Platform = { os: "linux", arch: "x86_64", libc: "gnu" };
const musl: Platform = { os: "linux", arch: "aarch64", libc: "musl" };
const freebsd: Platform = { os: "freebsd", arch: "x86_64", libc: "none" };
const digest = "0123456789abcdef".repeat(4);

const sample = (): Recipe =>
  parseRecipe({ text: read("valid.yaml"), path: "sample/recipe.yaml", folder: "/recipes/sample" });

/** A recipe with these versions and this floor, and nothing else of interest. */
function withVersions(versions: readonly string[], floor: readonly string[] = []): Recipe {
  const text = [
    "schema: tlsforge.recipe/1",
    "name: sample",
    "summary: A package",
    "license: MIT",
    "versions:",
    ...versions.map((version) => `  - { version: "${version}", support: { status: supported } }`),
    ...(floor.length === 0 ? [] : ["security-floor:", ...floor]),
    "steps: [{ run: [make] }]",
  ].join("\n");
  return parseRecipe({ text, path: "recipe.yaml", folder: "/recipes/sample" });
}

const listed = (recipe: Recipe, range: string): string[] => candidates(recipe, range).map((entry) => entry.version);

describe("candidates", () => {
  test("are the versions in range, newest first, by number and not by letter", () => {
    const recipe = withVersions(["3.10.0", "3.9.2", "3.9.1", "2.99.0"]);
    expect(listed(recipe, ">=3")).toEqual(["3.10.0", "3.9.2", "3.9.1"]);
    expect(listed(recipe, "~3.9")).toEqual(["3.9.2", "3.9.1"]);
    expect(listed(recipe, "4")).toEqual([]);
  });

  test("never lie below the security floor of their branch", () => {
    const recipe = withVersions(
      ["3.6.1", "3.5.7", "3.5.4", "3.0.20", "3.0.1"],
      [
        '  - { branch: ">=3.5.x", version: "3.5.5", reason: flaw }',
        '  - { branch: "3.0.x", version: "3.0.20", reason: flaw }',
      ],
    );
    expect(listed(recipe, "*")).toEqual(["3.6.1", "3.5.7", "3.0.20"]);
    expect(listed(recipe, "3.5.4")).toEqual([]);
  });

  test("order letters, fourth numbers and prereleases as their publishers do", () => {
    const recipe = withVersions(["1.1.0", "1.1.0rc1", "1.0.2.1", "1.0.1zb", "1.0.1z", "1.0.1e", "1.0.1", "1.0", "0.9"]);
    expect(listed(recipe, ">=1.0.1e <1.0.2")).toEqual(["1.0.1zb", "1.0.1z", "1.0.1e"]);
    expect(listed(recipe, "1.0.x")).toEqual(["1.0.2.1", "1.0.1zb", "1.0.1z", "1.0.1e", "1.0.1", "1.0"]);
    expect(listed(recipe, "<1")).toEqual(["0.9"]);
    expect(listed(recipe, ">=1.1")).toEqual(["1.1.0"]);
    expect(listed(recipe, ">=1.1.0rc1")).toEqual(["1.1.0", "1.1.0rc1"]);
  });

  test("carry the alternatives of their source, placeholders replaced", () => {
    const [first] = candidates(sample(), "*");
    expect(first?.sources).toEqual([
      {
        sha256: digest,
        form: "release",
        file: "sample-2.10.1.tar.gz",
        locations: [
          { kind: "url", url: "https://sample.example/sample-2.10.1.tar.gz" },
          { kind: "debian", path: "pool/main/s/sample/sample_2.10.1.orig.tar.gz" },
        ],
      },
    ]);
  });
});

const everyStep = `schema: tlsforge.recipe/1
name: every
summary: Every kind of step
license: MIT
inputs: [openssl]
versions:
  - version: "2.0"
    support: { status: supported }
    sources:
      - sha256: ${digest.toUpperCase()}
        locations: [{ url: "https://every.example/every-{version}.tar.gz?raw=1" }, { mirror: "https://mirror.example/sources" }]
      - sha256: ${digest}
        form: export
        file: export-{version}.zip
        locations: [{ file: "/srv/{file}" }, { pypi: { project: every, file: "every-{version}.zip" } }]
  - version: "1.9"
    support: { status: ended }
    sources: []
platforms:
  - { when: { os: linux, libc: musl }, values: { target: musl } }
  - { when: { os: [linux, freebsd] }, values: { target: other, extra: more } }
requirements:
  - { program: cc, version: ">=5", when: { os: linux } }
  - { header: zlib.h, library: z, wanted: true, why: compression }
  - { perl-module: "IPC::Cmd" }
environment: { LC_ALL: C }
steps:
  - { patch: one.patch, strip: 0, when: { version: "<2" } }
  - { patch: two.patch, when: { arch: [x86_64] } }
  - { configure: ["./configure", "\${platform.target}"], environment: { CC: gcc }, when: { form: release } }
  - { run: [autoreconf, -fi], when: { form: export } }
  - { run: { argv: [./b], directory: "\${build}", environment: { A: b } }, when: { input: { openssl: ">=3.5" } } }
  - { make: {} }
  - { make: { targets: [all], variables: { V: "1" }, parallel: false }, directory: sub }
  - { install: {} }
  - { files: [{ to: a, content: "" }, { to: b, from: b.txt, mode: "0755" }] }
gates:
  - { run: [a, b], expect: "^x$" }
  - { linkage: { system: [libc.so.6] }, when: { os: linux } }
  - { exists: [bin/a], name: there }
`;

describe("resolveRecipe", () => {
  const every = parseRecipe({ text: everyStep, path: "every/recipe.yaml", folder: "/recipes/every" });
  const resolve = (platform: Platform, more: { version?: string; sourceIndex?: number; openssl?: string } = {}) =>
    resolveRecipe({
      recipe: every,
      version: more.version ?? "2.0",
      sourceIndex: more.sourceIndex ?? 0,
      platform,
      inputs: { openssl: more.openssl ?? "3.5.9" },
    });

  test("turns every written form into steps and gates as data, conditions gone", () => {
    const { steps, gates, requirements } = resolve(linux);
    expect({ steps, gates, requirements }).toEqual({
      steps: [
        { kind: "patch", file: "two.patch", strip: 1 },
        { kind: "configure", argv: ["./configure", "${platform.target}"], environment: { CC: "gcc" } },
        { kind: "run", argv: ["./b"], directory: "${build}", environment: { A: "b" } },
        { kind: "make", targets: [], variables: {}, parallel: true },
        { kind: "make", targets: ["all"], variables: { V: "1" }, parallel: false, directory: "sub" },
        { kind: "install", targets: ["install"], variables: {} },
        {
          kind: "files",
          files: [
            { to: "a", content: "" },
            { to: "b", from: "b.txt", mode: "0755" },
          ],
        },
      ],
      gates: [
        { kind: "run", name: "a b", argv: ["a", "b"], expect: "^x$" },
        { kind: "linkage", name: "linkage", system: ["libc.so.6"] },
        { kind: "exists", name: "there", files: ["bin/a"] },
      ],
      requirements: [
        { kind: "program", name: "cc", version: ">=5" },
        { kind: "header", name: "zlib.h", library: "z", wanted: true, why: "compression" },
        { kind: "perl-module", name: "IPC::Cmd" },
      ],
    });
  });

  test("evaluates conditions on version, platform, source form and inputs", () => {
    const kinds = (resolved: ReturnType<typeof resolve>): string[] =>
      resolved.steps.map((step) => (step.kind === "patch" ? step.file : step.kind));
    expect(kinds(resolve(linux, { version: "1.9" }))).toContain("one.patch");
    expect(kinds(resolve(musl))).not.toContain("two.patch");
    expect(kinds(resolve(linux, { sourceIndex: 1 }))).toEqual([
      "two.patch",
      "run",
      "run",
      "make",
      "make",
      "install",
      "files",
    ]);
    expect(kinds(resolve(linux, { openssl: "3.0.20" }))).not.toContain("run");
    expect(resolve(freebsd).gates.map((gate) => gate.kind)).toEqual(["run", "exists"]);
    expect(resolve(freebsd).requirements).toHaveLength(2);
  });

  test("an input of unknown version fails a condition on it", () => {
    const resolved = resolveRecipe({ recipe: every, version: "2.0", sourceIndex: 0, platform: linux, inputs: {} });
    expect(resolved.steps.map((step) => step.kind)).not.toContain("run");
  });

  test("takes the first matching value of the platform table, name by name", () => {
    expect(resolve(musl).platformValues).toEqual({ target: "musl", extra: "more" });
    expect(resolve(linux).platformValues).toEqual({ target: "other", extra: "more" });
  });

  test("refuses a platform that the table lacks before anything is built", () => {
    expect(() => resolve({ os: "darwin", arch: "aarch64", libc: "none" })).toThrow(
      "recipe every is not made for darwin aarch64 none: it has no platform.target",
    );
  });

  test("takes the chosen alternative as main source; digests in lower case", () => {
    expect(resolve(linux).sources).toEqual([
      {
        name: "every",
        sha256: digest,
        form: "release",
        file: "every-2.0.tar.gz",
        unpack: "main",
        locations: [
          { kind: "url", url: "https://every.example/every-2.0.tar.gz?raw=1" },
          { kind: "mirror", url: "https://mirror.example/sources" },
        ],
      },
    ]);
    expect(resolve(linux, { sourceIndex: 1 }).sources[0]).toMatchObject({
      file: "export-2.0.zip",
      form: "export",
      locations: [
        { kind: "file", path: "/srv/export-2.0.zip" },
        { kind: "pypi", project: "every", file: "every-2.0.zip" },
      ],
    });
    expect(resolve(linux, { version: "1.9" }).sources).toEqual([]);
  });

  test("carries a fallback and leaves it out when there is none", () => {
    const fallback = { wanted: "2.0", reasons: ["404"] };
    const choice = { recipe: every, version: "1.9", sourceIndex: 0, platform: linux, inputs: {} };
    expect(resolveRecipe({ ...choice, fallback }).fallback).toEqual(fallback);
    expect(resolveRecipe(choice)).not.toHaveProperty("fallback");
  });
});

describe("a lock file", () => {
  const lock = `schema: tlsforge.lock/1
packages:
  - project: cffi
    version: "2.1.1"
    role: runtime
    files: [{ file: cffi-2.1.1.tar.gz, sha256: ${digest} }]
  - project: maturin
    version: "1.16.0"
    role: build
    files:
      - { file: maturin-x86_64.whl, sha256: ${digest}, when: { os: linux, arch: x86_64, libc: gnu } }
      - { file: maturin-aarch64.whl, sha256: ${digest}, when: { os: linux, arch: aarch64 } }
`;
  const recipe = parseRecipe({
    text: read("valid-locked.yaml"),
    path: "sample/recipe.yaml",
    folder: "/recipes/sample",
    lock: { text: lock, path: "sample/lock.yaml" },
  });
  const resolve = (platform: Platform) =>
    resolveRecipe({ recipe, version: "2.10.1", sourceIndex: 0, platform, inputs: { openssl: "3.5.9" } });

  test("gives packages and their sources, the file by platform, unpacked where the recipe says so", () => {
    const { packages, sources } = resolve(linux);
    expect(packages).toEqual([
      { project: "cffi", version: "2.1.1", role: "runtime", file: "cffi-2.1.1.tar.gz", sha256: digest },
      { project: "maturin", version: "1.16.0", role: "build", file: "maturin-x86_64.whl", sha256: digest },
    ]);
    expect(sources.map(({ name, unpack }) => ({ name, unpack }))).toEqual([
      { name: "sample", unpack: "main" },
      { name: "cffi", unpack: { folder: "cffi" } },
      { name: "maturin", unpack: "none" },
    ]);
    expect(sources[2]?.locations).toEqual([{ kind: "pypi", project: "maturin", file: "maturin-x86_64.whl" }]);
    expect(resolve(musl).packages[1]?.file).toBe("maturin-aarch64.whl");
  });

  test("gives crates as sources, each unpacked where cargo looks", () => {
    const crates = `crates:\n  - { crate: some_thing, version: "1.0.0+x", sha256: ${digest} }\n`;
    const withCrates = parseRecipe({
      text: read("valid-locked.yaml"),
      path: "sample/recipe.yaml",
      folder: "/recipes/sample",
      lock: { text: `${lock}${crates}`, path: "sample/lock.yaml" },
    });
    const choice = { version: "2.10.1", sourceIndex: 0, platform: linux, inputs: { openssl: "3.5.9" } };
    expect(resolveRecipe({ ...choice, recipe: withCrates }).sources.at(-1)).toEqual({
      name: "some_thing@1.0.0+x",
      file: "some_thing-1.0.0+x.crate",
      sha256: digest,
      locations: [{ kind: "crate", name: "some_thing", version: "1.0.0+x" }],
      form: "release",
      unpack: { folder: "crates/some_thing-1.0.0+x" },
    });
  });

  test("without a file for the platform is refused", () => {
    expect(() => resolve(freebsd)).toThrow("maturin 1.16.0 has no file for freebsd x86_64 none in the lock file");
  });
});
