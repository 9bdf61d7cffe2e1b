import { describe, expect, it } from "vitest";
import { closedEnvironment, registryEnvironment } from "../../../src/build/environment.ts";
import { bindScope, isWheelOf, type Scope } from "../../../src/build/scope.ts";
import { prepareStep, stepTitle } from "../../../src/build/steps.ts";
import { derive, type Derivation } from "../../../src/plan/index.ts";
import type { ResolvedRecipe, Step } from "../../../src/recipe/index.ts";

const base: ResolvedRecipe = {
  name: "demo",
  version: "1.2",
  folder: "/recipes/demo",
  support: { status: "lts" },
  vulnerable: [],
  inputs: [],
  sources: [],
  packages: [],
  platformValues: { target: "linux-x86_64" },
  requirements: [],
  environment: { OPTIONS: "at ${out}" },
  steps: [],
  gates: [],
  weight: 1,
};
const main = {
  name: "demo",
  file: "demo.tar.gz",
  sha256: "0".repeat(64),
  locations: [],
  form: "release",
  unpack: "main",
} as const;

function derivation(recipe: Partial<ResolvedRecipe> = {}, inputs: readonly Derivation[] = []): Derivation {
  return derive({
    recipe: { ...base, inputs: inputs.map((input) => input.recipe.name), ...recipe },
    files: [],
    platform: { os: "linux", arch: "x86_64", libc: "gnu" },
    prefix: "/p",
    inputs,
    tools: {},
  });
}

function scope(recipe: Partial<ResolvedRecipe> = { sources: [main] }, wheels: readonly string[] = []): Scope {
  return bindScope(context(derivation(recipe, [derivation({ name: "input" })])), () => wheels);
}

function context(made: Derivation) {
  return {
    derivation: made,
    sources: [],
    scratch: "/p/build/x",
    log: "/p/log/x",
    jobs: 4,
    toolFolders: ["/opt/rust/bin"],
    toolPaths: { perl: "/opt/perl" },
    passThrough: { PIP_INDEX_URL: "http://127.0.0.1/simple", PATH: "/evil", HOME: "/evil" },
    seal: {
      grade: "none",
      landlock: 0,
      network: "open",
      refused: [],
      remedy: null,
      command: [],
      homes: [],
      perlMissing: false,
    } as const,
    keepFailed: false,
    emit: () => undefined,
    signal: new AbortController().signal,
  };
}

const commandsOf = (step: Step, given = scope()) => prepareStep(step, given).commands;
const argvOf = (step: Step, given = scope()) => commandsOf(step, given).map(({ argv }) => argv);

describe("prepareStep", () => {
  it("replaces every variable", () => {
    const names = ["build", "source", "recipe", "dist", "version", "jobs", "prefix", "platform.target", "tool.perl"];
    const step: Step = { kind: "run", argv: ["x", ...names.map((name) => `\${${name}}`), "$${out}"] };
    expect(argvOf(step)).toEqual([
      [
        "x",
        "/p/build/x",
        "/p/build/x/source",
        "/recipes/demo",
        "/p/build/x/dist",
        "1.2",
        "4",
        "/p",
        "linux-x86_64",
        "/opt/perl",
        "${out}",
      ],
    ]);
    expect(argvOf({ kind: "run", argv: ["${out}", "${inputs.input}"] })).toEqual([
      [expect.stringMatching(/^\/p\/store\/[0-9a-f]{16}-demo-1\.2$/u), expect.stringMatching(/-input-1\.2$/u)],
    ]);
  });

  it("refuses an unknown variable", () => {
    expect(() => prepareStep({ kind: "run", argv: ["${inputs.inptu}"] }, scope())).toThrow(
      'unknown variable "${inputs.inptu}"',
    );
  });

  it("makes with jobs or one by one, variables before targets", () => {
    const common = { targets: ["all"], variables: { CC: "cc -I${out}", EMPTY: "" } };
    const [, one, empty] = ["", expect.stringMatching(/^CC=cc -I\/p\/store\//u), "EMPTY="];
    expect(argvOf({ kind: "make", ...common, parallel: true })).toEqual([["make", "-j4", one, empty, "all"]]);
    expect(argvOf({ kind: "make", ...common, parallel: false })).toEqual([["make", "-j1", one, empty, "all"]]);
    expect(argvOf({ kind: "install", targets: ["install_sw"], variables: {} })).toEqual([
      ["make", "-j1", "install_sw"],
    ]);
  });

  it("patches without fuzz, from the recipe's folder as it is called", () => {
    const strange = scope({ sources: [main], folder: "/re ${out}/demo" });
    expect(argvOf({ kind: "patch", file: "patches/a.patch", strip: 1 }, strange)).toEqual([
      ["patch", "-p1", "--fuzz=0", "--forward", "--batch", "-i", "/re ${out}/demo/patches/a.patch"],
    ]);
  });

  it("works in the source folder, in the step's, or in the scratch folder when there is no source", () => {
    const run = { kind: "run", argv: ["x"] } as const;
    const folderOf = (step: Step, given?: Scope) => commandsOf(step, given)[0]?.directory;
    expect(folderOf(run)).toBe("/p/build/x/source");
    expect(folderOf({ ...run, directory: "sub/folder" })).toBe("/p/build/x/source/sub/folder");
    expect(folderOf({ ...run, directory: "${build}/other" })).toBe("/p/build/x/other");
    expect(folderOf(run, scope({}))).toBe("/p/build/x");
  });

  it("adds the step's environment to the recipe's, and keeps the mark of the build", () => {
    const [command] = commandsOf({
      kind: "configure",
      argv: ["x"],
      environment: { A: "${version}", OPTIONS: "own", TLSFORGE_OUT: "no" },
    });
    expect(command?.environment).toMatchObject({
      A: "1.2",
      OPTIONS: "own",
      PATH: expect.stringMatching(/^\/p\/build\/x\/bin:/u),
    });
    expect(command?.environment["TLSFORGE_OUT"]).toMatch(/^\/p\/store\//u);
    expect(commandsOf({ kind: "run", argv: ["x"] })[0]?.environment["OPTIONS"]).toMatch(/^at \/p\/store\//u);
  });

  it("puts files at absolute places, with variables in names and text", () => {
    const files = [
      { to: "${out}/a", content: "v${version}" },
      { to: "near", from: "files/x", mode: "755" },
    ];
    expect(prepareStep({ kind: "files", files }, scope()).files).toEqual([
      { to: expect.stringMatching(/^\/p\/store\/.*\/a$/u), content: "v1.2" },
      { to: "/p/build/x/source/near", from: "files/x", mode: "755" },
    ]);
  });
});

describe("python-env", () => {
  const locked = (project: string, role: "build" | "runtime", file = `${project}-1.whl`) => ({
    project,
    version: "1",
    role,
    file,
    sha256: "0",
  });
  const packages = [
    locked("pip", "build"),
    locked("maturin", "build"),
    locked("a", "runtime"),
    locked("zope.deep", "runtime", "zope.tar.gz"),
  ];
  const unpacked = { ...main, name: "zope.deep", file: "zope.tar.gz", unpack: { folder: "zope" } } as const;
  const recipe = { packages, sources: [unpacked] };
  const step = { kind: "python-env", path: "${out}", python: "${inputs.input}/bin/python3", role: "runtime" } as const;
  const wheel = "zope_deep-1-cp313-cp313-linux_x86_64.whl";

  it("makes the environment, then installs exactly the files of the role", () => {
    const [venv, install] = argvOf(step, scope(recipe, [wheel]));
    expect(venv).toEqual([
      expect.stringMatching(/-input-1\.2\/bin\/python3$/u),
      "-m",
      "venv",
      "--without-pip",
      expect.stringMatching(/^\/p\/store\//u),
    ]);
    expect(install?.slice(1)).toEqual([
      "/p/build/x/dist/pip-1.whl/pip",
      "install",
      "--no-deps",
      "--no-index",
      "--no-cache-dir",
      "--no-warn-script-location",
      "/p/build/x/dist/a-1.whl",
      `/p/build/x/wheels/${wheel}`,
    ]);
  });

  it("installs those that are asked for, of any role", () => {
    const [, install] = argvOf({ ...step, only: ["maturin", "a"] }, scope(recipe));
    expect(install?.slice(-2)).toEqual(["/p/build/x/dist/maturin-1.whl", "/p/build/x/dist/a-1.whl"]);
    expect(install).not.toContain("--no-compile");
  });

  it("compiles nothing ahead for an environment that only builds", () => {
    const [, install] = argvOf({ ...step, role: "build", only: ["maturin"] }, scope(recipe));
    expect(install).toContain("--no-compile");
  });

  it("refuses what the lock file does not have, what no step has built, and an environment without pip", () => {
    expect(() => argvOf({ ...step, only: ["b"] }, scope(recipe))).toThrow(
      "python-env asks for b, which the lock file does not have",
    );
    expect(() => argvOf(step, scope(recipe))).toThrow("no step has built a wheel of zope.deep before it is installed");
    expect(() => argvOf(step, scope({ packages: packages.slice(1) }))).toThrow("the lock file has no pip");
  });
});

describe("isWheelOf", () => {
  const wanted = { project: "Zope.Interface", version: "8.1" };

  it.each([
    "zope_interface-8.1-cp313-cp313-linux_x86_64.whl",
    "zope.interface-8.1-1-py3-none-any.whl",
    "Zope-8.1-py3-none-any.whl".replace("Zope", "ZOPE__interface"),
  ])("%s is", (name) => {
    expect(isWheelOf(name, wanted)).toBe(true);
  });

  it.each([
    "zope_interface-8.10-py3-none-any.whl",
    "zope_interface_extra-8.1-py3-none-any.whl",
    "zope-8.1-py3-none-any.whl",
    "zope_interface-8.1.tar.gz",
    "zope_interface-8.1.whl",
    "",
  ])("%j is not", (name) => {
    expect(isWheelOf(name, wanted)).toBe(false);
  });
});

describe("the closed environment", () => {
  it("has a home, a temporary folder and a PATH of its own, whatever comes from the caller", () => {
    const seen = closedEnvironment(context(derivation()));
    expect(seen).toEqual({
      PIP_INDEX_URL: "http://127.0.0.1/simple",
      PATH: "/p/build/x/bin:/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/p/build/x/home",
      TMPDIR: "/p/build/x/tmp",
      LANG: "C.UTF-8",
      LC_ALL: "C.UTF-8",
      TZ: "UTC",
      SHELL: "/bin/sh",
      SOURCE_DATE_EPOCH: "315532800",
      PYTHONHASHSEED: "0",
      TLSFORGE_OUT: derivation().out,
      PIP_DISABLE_PIP_VERSION_CHECK: "1",
      PIP_NO_INPUT: "1",
    });
  });

  const through = [
    "PIP_INDEX_URL",
    "PIP_CERT",
    "PIP_TRUSTED_HOST",
    "npm_config_registry",
    "CARGO_HTTP_PROXY",
    "CARGO_HTTP_CAINFO",
    "CARGO_NET_RETRY",
    "CARGO_REGISTRIES_MINE_INDEX",
    "CARGO_REGISTRIES_CRATES_IO_PROTOCOL",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "no_proxy",
  ];
  it.each(through)("lets %s through", (name) => {
    expect(registryEnvironment({ [name]: "x" })).toEqual({ [name]: "x" });
  });

  const kept = `
    LD_LIBRARY_PATH LD_PRELOAD PYTHONPATH PYTHONHOME PIP_TARGET PIP_NO_BINARY PIP_CONFIG_FILE PIP_FIND_LINKS
    MAKEFLAGS MFLAGS CC CFLAGS CPPFLAGS LDFLAGS LIBRARY_PATH CPATH C_INCLUDE_PATH PKG_CONFIG_PATH
    RUSTFLAGS RUSTC_WRAPPER CARGO_HOME CARGO_BUILD_RUSTFLAGS CARGO_TARGET_DIR CARGO_ENCODED_RUSTFLAGS
    CARGO_REGISTRY_TOKEN CARGO_REGISTRIES_MINE_TOKEN CARGO_REGISTRIES_MINE_SECRET_KEY CARGO_REGISTRY_CREDENTIAL_PROVIDER
    PERL5LIB PERL5OPT OPENSSL_CONF OPENSSL_MODULES PATH HOME TMPDIR LANG TZ BASH_ENV ENV IFS TLSFORGE_OUT`;
  it.each(kept.trim().split(/\s+/u))("keeps %s out", (name) => {
    expect(registryEnvironment({ [name]: "x" })).toEqual({});
  });

  it.each([
    ["PIP_INDEX_URL", "https://user:p%40ss@index.example:8443/simple", "https://index.example:8443/simple"],
    ["PIP_INDEX_URL", "https://a@b:c@index.example/x", "https://index.example/x"],
    ["PIP_INDEX_URL", "https://index.example/x@y", "https://index.example/x@y"],
    ["PIP_EXTRA_INDEX_URL", "https://u:p@a.example/s http://t@b.example", "https://a.example/s http://b.example"],
    ["HTTPS_PROXY", "http://u:p@proxy.example:3128", "http://u:p@proxy.example:3128"],
  ])("%s=%s is passed as %s", (name, value, passed) => {
    expect(registryEnvironment({ [name]: value })).toEqual({ [name]: passed });
  });

  it("takes an empty value for none", () => {
    expect(registryEnvironment({ PIP_INDEX_URL: "", HTTPS_PROXY: undefined })).toEqual({});
  });
});

describe("stepTitle", () => {
  it.each<[Step, string]>([
    [{ kind: "patch", file: "patches/a.patch", strip: 1 }, "patch patches/a.patch"],
    [{ kind: "configure", argv: ["./configure", "--prefix=${out}"] }, "configure ./configure --prefix=${out}"],
    [{ kind: "make", targets: [], variables: {}, parallel: true }, "make"],
    [{ kind: "install", targets: ["install"], variables: {} }, "make install"],
    [{ kind: "run", argv: ["perl", "x"] }, "run perl x"],
    [{ kind: "python-env", path: "${out}", python: "p", role: "runtime" }, "python-env ${out} (runtime)"],
    [
      {
        kind: "files",
        files: [
          { to: "a", content: "" },
          { to: "b", from: "c" },
        ],
      },
      "files a b",
    ],
  ])("%j", (step, title) => {
    expect(stepTitle(step)).toBe(title);
  });
});
