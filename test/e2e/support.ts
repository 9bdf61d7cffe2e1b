/** The built command line as a user runs it, and a small stack of real programs that it can build in seconds. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { execa } from "execa";
import { expect } from "vitest";
import schema from "../../schema/result.schema.json" with { type: "json" };
import { root } from "../tools/checkout.ts";

export const main = join(root, "dist", "main.js");

const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: true });
formats.default(ajv);
const validate = ajv.compile(schema);

/** Builds `dist`, which these tests run, when `src` has changed. */
export async function compile(): Promise<void> {
  await execa(process.execPath, [join(root, "tools", "setup.mjs")]);
}

/** A folder with everything that one user has: home, working folder with a site file, recipes, prefix. */
export interface Workshop {
  readonly folder: string;
  readonly home: string;
  readonly cwd: string;
  readonly recipes: string;
  readonly prefix: string;
  readonly remove: () => Promise<void>;
}

export async function workshop(): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), "tlsforge-e2e-"));
  const names = { home: join(folder, "home"), cwd: join(folder, "work"), recipes: join(folder, "recipes") };
  for (const path of Object.values(names)) await mkdir(path);
  // Nothing outside of the workshop is to change.
  await writeFile(
    join(names.cwd, "tlsforge.yaml"),
    "stack: small\nhost: { packages: never, loader-path: false, low-port: none }\n",
  );
  return {
    folder,
    ...names,
    prefix: join(folder, "prefix"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** How a run ended. */
export interface Ran {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Another working folder. */
  readonly cwd?: string;
  /** A program with its arguments that runs ours: `setpriv …`. */
  readonly under?: readonly string[];
  readonly seconds?: number;
  /** In a process group of its own. */
  readonly detached?: boolean;
}

/** The authority of a network that looks into TLS; without it no registry is reached there. */
const authority = process.env["NODE_EXTRA_CA_CERTS"];

/** Starts one command line in an environment of its own. */
export function start(shop: Workshop, argv: readonly string[], options: RunOptions = {}) {
  const { environment = {}, cwd = shop.cwd, under = [], seconds = 120, detached = false } = options;
  const [program = "", ...rest] = [...under, process.execPath, main, ...argv];
  return execa(program, rest, {
    cwd,
    env: {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: shop.home,
      TLSFORGE_PREFIX: shop.prefix,
      TLSFORGE_RECIPES: shop.recipes,
      ...(authority === undefined ? {} : { NODE_EXTRA_CA_CERTS: authority }),
      ...environment,
    },
    extendEnv: false,
    detached,
    stdin: "ignore",
    reject: false,
    timeout: seconds * 1000,
    stripFinalNewline: false,
  });
}

/** A run that was started. */
export type Child = ReturnType<typeof start>;

/** Runs one command line to its end. A run that takes too long fails the test. */
export async function run(shop: Workshop, argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return ended(start(shop, argv, options));
}

/** Waits for a run that was started. */
export async function ended(child: Child): Promise<Ran> {
  const { exitCode, signal, stdout, stderr, timedOut } = await child;
  if (timedOut) throw new Error(`took too long:\n${String(stderr)}`);
  return { exitCode, signal, stdout: String(stdout), stderr: String(stderr) };
}

/** The parts of records that tests look at; which of them a command has, the schema says. */
export interface ResultRecord {
  readonly command: string;
  readonly outcome: string;
  readonly exitCode: number;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string;
    readonly details: string[];
  };
  readonly generation: number;
  readonly current: number;
  readonly builds: readonly {
    readonly recipe: string;
    readonly version: string;
    readonly key: string;
    readonly action: string;
    readonly cached: boolean;
    readonly location: string;
  }[];
  readonly warnings: readonly string[];
  readonly vulnerable?: readonly { readonly recipe: string; readonly version: string }[];
  readonly lost?: readonly { readonly of: string; readonly why: string }[];
  readonly generations: readonly { readonly generation: number; readonly current: boolean }[];
  readonly removed: readonly { readonly kind: string; readonly path: string; readonly why: string }[];
  readonly kept: readonly { readonly kind: string; readonly path: string; readonly why: string }[];
  readonly checks: readonly {
    readonly id: string;
    readonly outcome: string;
    readonly message: string;
    readonly fix: string | null;
  }[];
  readonly server: {
    readonly pid: number;
    readonly workers: readonly number[];
    readonly listen: readonly string[];
    readonly generation: number;
    readonly certificates: readonly { readonly names: readonly string[]; readonly notAfter: string }[];
    readonly standingBy?: { readonly pid: number; readonly generation: number } | null;
  };
  readonly report: {
    readonly grades: Readonly<Record<string, { readonly grade: string; readonly gradeTrustIgnored: string }>>;
    readonly connections: number;
  };
}

/** The record of a `--json` run: standard output is that one document and nothing else, and it is as the shipped schema says. */
export function recordOf(ran: Ran): ResultRecord {
  const record = JSON.parse(ran.stdout) as ResultRecord;
  expect(problemsOf(record)).toEqual([]);
  expect(record.exitCode).toBe(ran.exitCode);
  return record;
}

/** What the shipped schema has against a record. */
export function problemsOf(record: unknown): readonly string[] {
  return validate(record) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ""}`);
}

/** Runs with `--json` and gives the record. */
export async function runJson(
  shop: Workshop,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<Ran & { readonly record: ResultRecord }> {
  const ran = await run(shop, [...argv, "--json"], options);
  return { ...ran, record: recordOf(ran) };
}

// --- the small stack ----------------------------------------------------------------------------------------------

/** Release archives of a program with a shared library of its own, as autotools projects come. */
export async function makeArchive(
  folder: string,
  version: string,
  units = 4,
): Promise<{ file: string; sha256: string }> {
  const name = `hello-${version}`;
  const source = join(folder, name);
  await mkdir(source, { recursive: true });
  const objects = Array.from({ length: units }, (_, index) => `unit${index}`);
  const files: Record<string, string> = {
    configure: configure,
    "Makefile.in": makefile(objects),
    "hello.h": "const char *greeting(void);\n",
    "library.c": `#include "hello.h"\nconst char *greeting(void) { return "hello ${version}"; }\n`,
    "main.c": '#include <stdio.h>\n#include "hello.h"\nint main(void) { return puts(greeting()) < 0; }\n',
    ...Object.fromEntries(objects.map((unit) => [`${unit}.c`, `int ${unit}(void) { return ${unit.length}; }\n`])),
  };
  for (const [file, content] of Object.entries(files))
    await writeFile(join(source, file), content, { mode: file === "configure" ? 0o755 : 0o644 });
  const file = join(folder, `${name}.tar.gz`);
  await execa("tar", ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-czf", file, "-C", folder, name]);
  return { file, sha256: await digestOf(file) };
}

/** Puts into the cache of a workshop's home a source that nothing needs and that is larger than what may stay of such; it takes no space. Gives its path. */
export async function spareSource({ home }: Workshop): Promise<string> {
  const cache = join(home, ".cache", "tlsforge", "sources");
  await mkdir(cache, { recursive: true });
  const file = join(cache, "5".repeat(64));
  await writeFile(file, "");
  await truncate(file, 600 * 1024 * 1024);
  return file;
}

export async function digestOf(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}

/** One listed version of `hello`. */
export interface Version {
  readonly version: string;
  readonly sha256: string;
  /** YAML of each location. */
  readonly locations: readonly string[];
}

/** What differs from the usual recipe of `hello`. */
export interface HelloRecipe {
  readonly versions: readonly Version[];
  readonly greeting?: string;
  /** YAML lines of steps before `configure`. */
  readonly before?: readonly string[];
  /** YAML of what it needs on disk. */
  readonly disk?: string;
  /** YAML of requirements besides cc and make. */
  readonly requirements?: readonly string[];
  /** Seconds that each compilation takes longer, so that there is time to disturb it. */
  readonly pause?: number;
}

/** Writes the recipes and the stack `small`: `hello` compiled from its archive, and two of which every file lies in the recipe. */
export async function writeRecipes(shop: Workshop, hello: HelloRecipe): Promise<void> {
  const { recipes } = shop;
  const { versions, before = [], requirements = [], disk, pause = 0, greeting = "plain" } = hello;
  for (const name of ["hello", "python-tls", "lookout", "stacks"])
    await mkdir(join(recipes, name), { recursive: true });
  const head = (name: string): string[] => [
    "schema: tlsforge.recipe/1",
    `name: ${name}`,
    `summary: ${name} of the tests`,
    "license: MIT",
  ];
  const lines = [
    ...head("hello"),
    ...(disk === undefined ? [] : [`disk: ${disk}`]),
    "versions:",
    ...versions.flatMap(({ version, sha256, locations }) => [
      `  - version: "${version}"`,
      "    support: { status: supported }",
      `    sources: [{ sha256: ${sha256}, locations: [${locations.join(", ")}] }]`,
    ]),
    "requirements:",
    "  - program: cc",
    "  - program: make",
    ...requirements.map((entry) => `  - ${entry}`),
    `environment: { GREETING: ${greeting}, PAUSE: "${pause}" }`,
    "steps:",
    ...before.map((line) => `  ${line}`),
    '  - configure: [./configure, "--prefix=${out}"]',
    "  - make: { parallel: true }",
    "  - install: { targets: [install] }",
    "gates:",
    '  - { run: ["${out}/bin/hello"], expect: "^hello ${version}$" }',
    "  - linkage: { system: [libc.so.6] }",
  ];
  const small = (name: string, inputs: string): string[] => [
    ...head(name),
    'versions: [{ version: "1.0.0", support: { status: supported } }]',
    `inputs: [${inputs}]`,
    "steps:",
    "  - files:",
    `      - { to: "\${out}/bin/${name}", mode: "755", content: "#!/bin/sh\\nexec \${inputs.hello}/bin/hello\\n" }`,
    "gates:",
    `  - { run: ["\${out}/bin/${name}"], expect: "^hello" }`,
  ];
  const stack = [
    "schema: tlsforge.stack/1",
    "name: small",
    "summary: what the tests build",
    'recipes: { hello: "*", python-tls: "*", lookout: "*" }',
    "server: lookout",
    "openssl: hello",
    "python: python-tls",
  ];
  const write = (file: string, text: readonly string[]): Promise<void> =>
    writeFile(join(recipes, file), `${text.join("\n")}\n`);
  await write("hello/recipe.yaml", lines);
  await write("python-tls/recipe.yaml", small("python-tls", "hello"));
  await write("lookout/recipe.yaml", small("lookout", "hello, python-tls"));
  await write("stacks/small.yaml", stack);
}

/** A workshop whose recipes build from an archive that lies in a folder. */
export async function smallShop(
  hello: Omit<HelloRecipe, "versions"> & { readonly units?: number } = {},
): Promise<Workshop> {
  const shop = await workshop();
  await writeRecipes(shop, { ...hello, versions: [await localVersion(shop, "1.0.0", hello.units)] });
  return shop;
}

/** A version of `hello` whose archive lies in the workshop. */
export async function localVersion(shop: Workshop, version: string, units?: number): Promise<Version> {
  const { file, sha256 } = await makeArchive(join(shop.folder, "archives"), version, units);
  return { version, sha256, locations: [`{ file: ${file} }`] };
}

const configure = `#!/bin/sh
for argument; do case $argument in --prefix=*) prefix=\${argument#--prefix=} ;; esac; done
echo "checking for a C compiler... cc"
sed -e "s|@prefix@|$prefix|" Makefile.in >Makefile
`;

function makefile(units: readonly string[]): string {
  return `prefix = @prefix@
all: hello
%.o: %.c
\tcc -fPIC -c -o $@ $<
\tsleep $(PAUSE)
libhello.so: library.o ${units.map((unit) => `${unit}.o`).join(" ")}
\tcc -shared -o $@ $^
hello: main.o libhello.so
\tcc -o $@ main.o -L. -lhello -Wl,-rpath,$(prefix)/lib
install: all
\tmkdir -p $(prefix)/bin $(prefix)/lib $(prefix)/share/hello
\tcp hello $(prefix)/bin/hello
\tcp libhello.so $(prefix)/lib/libhello.so
\techo "$$GREETING" >$(prefix)/share/hello/greeting
`;
}
