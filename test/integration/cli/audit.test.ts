import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { audit } from "../../../src/cli/commands/audit.ts";
import type { Context } from "../../../src/cli/context.ts";
import { errorFields, record, type Result } from "../../../src/cli/result.ts";
import { ForgeError } from "../../../src/errors.ts";
import { activate, openPrefix, readManifest, realise, type BuildResult } from "../../../src/store/index.ts";
import { problemsOf } from "../../tools/records.ts";
import { osv, pypi } from "../../unit/audit/records.ts";
import { zipOf } from "../fetch/archives.ts";
import { derivation, parts, result, surroundings } from "../store/samples.ts";
import { contextIn, freshFolder } from "./context.ts";

const today = "2026-11-30";
const digest = "a".repeat(64);
const sha256 = digest;

const recipe = (name: string, lines: readonly string[]): string =>
  [
    "schema: tlsforge.recipe/1",
    `name: ${name}`,
    `summary: ${name}`,
    "license: MIT",
    "steps:",
    '  - run: ["true"]',
    ...lines,
    "",
  ].join("\n");

const openssl = recipe("openssl", [
  "versions:",
  '  - { version: "3.5.7", support: { status: lts, until: "2030-04-08" } }',
  '  - { version: "3.0.20", support: { status: ended, until: "2026-09-07" } }',
  "security-floor:",
  '  - { branch: "3.5.x", version: "3.5.7", reason: CVE-2026-45447 is fixed in 3.5.7 }',
  '  - { branch: "3.0.x", version: "3.0.21", reason: CVE-2026-45447 is fixed in 3.0.21 }',
  "advisories:",
  "  scheme: openssl",
  "  repositories: [https://github.com/openssl/openssl]",
  "  cve: [{ vendor: OpenSSL, product: OpenSSL }]",
]);
const tls = recipe("tls", [
  'versions: [{ version: "26.10.0", support: { status: supported } }]',
  "inputs: [openssl]",
  "lock: lock.yaml",
]);
const locked = (project: string, version: string, role: string): string =>
  `  - { project: ${project}, version: "${version}", role: ${role}, files: [{ file: ${project}-${version}.tar.gz, sha256: ${sha256} }] }`;
const lock = [
  "schema: tlsforge.lock/1",
  "packages:",
  locked("pip", "26.3", "build"),
  locked("twisted", "26.10.0", "runtime"),
  locked("zope-interface", "8.1", "runtime"),
  "",
].join("\n");
const stack =
  'schema: tlsforge.stack/1\nname: test\nsummary: x\nrecipes: { openssl: "*", tls: "*" }\nserver: tls\nopenssl: openssl\npython: tls\n';

/** A prefix whose current generation is made of outputs with real receipts, and the recipes that made them. */
async function machine(folder: string, openSslVersion = "3.5.7", crates: readonly string[] = []): Promise<Context> {
  const context = contextIn(folder);
  const files = {
    "openssl/recipe.yaml": openssl,
    "tls/recipe.yaml": tls,
    "tls/lock.yaml": lock,
    "stacks/test.yaml": stack,
  };
  for (const [file, text] of Object.entries(files)) {
    await mkdir(join(context.recipes, file, ".."), { recursive: true });
    await writeFile(join(context.recipes, file), text);
  }
  const { path } = await openPrefix(context.options.prefix, { create: true });
  const source = (name: string, file: string): BuildResult["sources"][number] => ({
    name,
    file,
    sha256,
    location: "cache",
    verified: true,
  });
  const outputs = [
    {
      made: derivation(path, "openssl", [], openSslVersion),
      sources: [source("openssl", `openssl-${openSslVersion}.tar.gz`)],
    },
    {
      made: derivation(path, "tls", [], "26.10.0"),
      sources: [
        source("pip", "pip-26.3-py3-none-any.whl"),
        source("twisted", "twisted-26.10.0-py3-none-any.whl"),
        source("zope-interface", "zope_interface-8.1.tar.gz"),
        ...crates.map((crate) => source(crate, `${crate.replace("@", "-")}.crate`)),
      ],
    },
  ];
  for (const { made, sources } of outputs) {
    const build = async ({ out }: { readonly out: string }): Promise<BuildResult> => {
      await writeFile(join(out, "file"), "");
      return { ...result, sources };
    };
    await realise(made, build, surroundings());
  }
  await activate(path, parts(outputs.map(({ made }) => made)), surroundings());
  return context;
}

/** Runs it as the command line does: what it throws is its result too. Every record is as the schema says. */
async function run(context: Context, ...advisories: readonly string[]): Promise<Result> {
  const ended = await audit(context, { advisories, strict: false, today }).catch((error: unknown): Result => {
    if (!(error instanceof ForgeError)) throw error;
    return { outcome: "failed", exitCode: 2, fields: errorFields(error), text: "", error };
  });
  expect(problemsOf(JSON.parse(record("audit", ended)))).toEqual([]);
  return ended;
}

describe("audit of a prefix", () => {
  let context: Context;

  beforeAll(async () => {
    context = await machine(await mkdtemp(join(tmpdir(), "tlsforge-audit-")));
  });

  afterAll(() => rm(context.cwd, { recursive: true, force: true }));

  /** A file of advisories in the working folder. */
  async function file(name: string, content: unknown): Promise<string> {
    await mkdir(join(context.cwd, name, ".."), { recursive: true });
    await writeFile(join(context.cwd, name), typeof content === "string" ? content : JSON.stringify(content));
    return name;
  }

  const about = (project: string, fixed: string, id = "TEST-1"): object =>
    osv(pypi(project, [{ introduced: "0" }, { fixed }]), { id });

  test("what is installed is what the receipts say, locked packages too; what nobody speaks of is told, exit 0", async () => {
    const { outcome, exitCode, fields, text } = await run(context);
    expect([outcome, exitCode]).toEqual(["done", 0]);
    expect(fields["packages"]).toMatchObject([
      { name: "openssl", version: "3.5.7", recipe: "openssl", outcome: "pass", rules: 2 },
      { name: "tls", version: "26.10.0", outcome: "pass" },
      { name: "pip", version: "26.3", recipe: "tls", role: "build", outcome: "unknown" },
      { name: "twisted", version: "26.10.0", role: "installed", outcome: "unknown" },
      { name: "zope-interface", version: "8.1", outcome: "unknown" },
    ]);
    expect(text).toContain(
      "unknown  no rule and no advisory speaks of 3 packages:\n           pip 26.3\n           twisted 26.10.0\n           zope-interface 8.1\n",
    );
    const narrow = await audit({ ...context, columns: 40 }, { advisories: [], strict: false, today });
    expect(
      Math.max(
        ...narrow.text
          .split("\n")
          .slice(0, -2)
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(40);
    const strict = await audit(context, { advisories: [], strict: true, today });
    expect([strict.exitCode, strict.error]).toMatchObject([3, { code: "incomplete" }]);
  });

  test("a record, a list, a folder and a zip file give the same hit, exit 1", async () => {
    const hit = about("Twisted", "26.10.1");
    const clear = about("zope.interface", "8.0", "TEST-2");
    await file("folder/deep/a.json", hit);
    await file("folder/b.json", [clear]);
    await file("folder/README.txt", "not a record");
    await file("folder/statements.json", { statements: [{ base: "1.0" }] });
    const members = [
      { name: "deep/a.json", content: JSON.stringify(hit) },
      { name: "b.json", content: JSON.stringify([clear]) },
      { name: "README.txt", content: "not a record" },
    ];
    await writeFile(join(context.cwd, "all.zip"), zipOf(members));
    const list = await file("list.json", [hit, clear]);
    for (const name of [list, "folder", "all.zip"]) {
      const { exitCode, error, fields } = await run(context, name);
      expect([name, exitCode, error]).toMatchObject([name, 1, { code: "vulnerable" }]);
      expect(fields["findings"]).toMatchObject([
        { id: "coverage", package: "pip" },
        { id: "TEST-1", package: "twisted", outcome: "hit", fix: "fixed in 26.10.1" },
      ]);
      expect(fields["advisories"]).toMatchObject([{ file: join(context.cwd, name), records: 2, relevant: 2 }]);
    }
    const { exitCode } = await run(
      context,
      await file("clear.json", clear),
      await file("fixed.json", about("twisted", "26.10.0")),
    );
    expect(exitCode).toBe(0);
  });

  test("a crate is one of its own ecosystem: hit by name and version, in semver's order, and no package of another", async () => {
    const crates = await machine(await freshFolder(), "3.5.7", ["openssl@0.10.60", "pyo3@0.25.0-rc.1"]);
    const rust = (name: string, fixed: string): object =>
      osv(
        {
          package: { ecosystem: "crates.io", name, purl: `pkg:cargo/${name}` },
          ranges: [{ type: "SEMVER", events: [{ introduced: "0.0.0-0" }, { fixed }] }],
          versions: [],
        },
        { id: "RUSTSEC-2026-0001", database_specific: { license: "CC0-1.0" } },
      );
    const judged = async (...records: readonly object[]): Promise<unknown> => {
      await writeFile(join(crates.cwd, "rust.json"), JSON.stringify(records));
      const { fields } = await run(crates, "rust.json");
      return (fields["packages"] as readonly { name: string; version: string; outcome: string }[])
        .filter(({ version }) => version.startsWith("0."))
        .map(({ name, version, outcome }) => `${name} ${version} ${outcome}`);
    };
    expect(await judged(rust("openssl", "0.10.70"), rust("pyo3", "0.25.0-rc.1"))).toEqual([
      "openssl 0.10.60 hit",
      "pyo3 0.25.0-rc.1 pass",
    ]);
    expect(await judged(rust("openssl", "0.10.60"), rust("pyo3", "0.25.0"))).toEqual([
      "openssl 0.10.60 pass",
      "pyo3 0.25.0-rc.1 hit",
    ]);
    expect(await judged(about("openssl", "99"), about("pyo3", "99"))).toEqual([
      "openssl 0.10.60 unknown",
      "pyo3 0.25.0-rc.1 unknown",
    ]);
  });

  test("support and floor are judged by the day that is given, without any file", async () => {
    const old = await machine(await freshFolder(), "3.0.20");
    const { exitCode, fields, text } = await run({ ...old, program: "bin/it" });
    expect(exitCode).toBe(1);
    expect(text).toContain("\n         build 3.0.21 or newer: bin/it provision\n");
    expect(fields["findings"]).toMatchObject([
      { rule: "floor", outcome: "hit", package: "openssl" },
      { rule: "support", outcome: "hit", package: "openssl" },
      { rule: "coverage" },
      { rule: "coverage" },
      { rule: "coverage" },
    ]);
    const later = await audit(context, { advisories: [], strict: false, today: "2030-03-01" });
    expect(later.fields["findings"]).toMatchObject([
      { rule: "support", outcome: "warning", package: "openssl" },
      {},
      {},
      {},
    ]);
  });

  test.each([
    ["missing.json", null, "cannot be read: there is no such file"],
    ["empty.json", "", "is empty"],
    ["text.json", "<html>", "is not JSON"],
    ["other.json", "{}", "is no OSV record"],
    ["bad/record.json", "{", "is not JSON"],
    ["nothing/readme.md", "x", "holds no record"],
    ["cut.zip", "PK\u0003\u0004 cut", "is cut short, or no zip file"],
  ])("%s is refused", async (name, content, problem) => {
    if (content !== null) await file(name, content);
    const { error } = await run(context, name.includes("/") ? name.replace(/\/.*/, "") : name);
    expect(error).toMatchObject({ code: "advisory-invalid", message: expect.stringContaining(problem) as string });
  });

  test("a file that is too long is refused unread, and so is a zip member that unpacks to more than a record is", async () => {
    const huge = join(context.cwd, await file("huge.json", "{"));
    await truncate(huge, 65 * 1024 * 1024);
    expect((await run(context, "huge.json")).error).toMatchObject({ code: "advisory-invalid" });
    await writeFile(join(context.cwd, "bomb.zip"), zipOf([{ name: "a.json", content: " ".repeat(17 * 1024 * 1024) }]));
    expect((await run(context, "bomb.zip")).error).toMatchObject({
      code: "advisory-invalid",
      message: expect.stringContaining("too long for a record") as string,
    });
  });

  test("a prefix without a generation, and one whose output lost its receipt", async () => {
    const bare = contextIn(await freshFolder());
    await openPrefix(bare.options.prefix, { create: true });
    await expect(audit(bare, { advisories: [], strict: false, today })).rejects.toMatchObject({ code: "not-found" });
    const broken = await machine(await freshFolder());
    const [first] = (await readManifest(broken.options.prefix))?.builds ?? [];
    await rm(join(first?.out ?? "", "receipt.json"));
    await expect(audit(broken, { advisories: [], strict: false, today })).rejects.toMatchObject({
      code: "prefix-unusable",
    });
  });
});
