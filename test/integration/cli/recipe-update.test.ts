import { readdirSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { updateRecipe } from "../../../src/cli/commands/recipe-update.ts";
import type { Context } from "../../../src/cli/context.ts";
import { parseCommandLine } from "../../../src/cli/program.ts";
import { record, type Result } from "../../../src/cli/result.ts";
import { ForgeError } from "../../../src/errors.ts";
import { collectGarbage, openPrefix } from "../../../src/store/index.ts";
import { needs } from "../../tools/needs.ts";
import { problemsOf } from "../../tools/records.ts";
import { fingerprint, keyOf, signed } from "../fetch/openpgp-keys.ts";
import { payload, serve, sha256 } from "../fetch/support.ts";
import { surroundings } from "../store/samples.ts";
import { contextIn, freshFolder } from "./context.ts";

const old = "b".repeat(64);

/** What is written in a version's `sources`, one location each. */
function recipeText(locations: readonly string[], versions = ["2.1.0", "2.0.5"]): string {
  return [
    "# the first line",
    "schema: tlsforge.recipe/1",
    "name: thing",
    "summary: x",
    "license: MIT",
    "",
    "versions:",
    ...versions.flatMap((version) => [
      `  # about ${version}`,
      `  - version: "${version}" # as tagged`,
      '    support: { status: lts,   until: "2030-01-01" }',
      "    sources:",
      ...locations.flatMap((location) => [
        `      - sha256: ${old}`,
        "        file: thing-{version}.tar.gz",
        "        locations:",
        `          - ${location}`,
      ]),
    ]),
    "",
    "# the steps",
    "steps:",
    '  - run: ["true"]',
    "",
  ].join("\n");
}

interface Shop {
  readonly context: Context;
  readonly file: string;
}

async function shop(text: string, environment: Readonly<Record<string, string>> = {}): Promise<Shop> {
  const context = contextIn(await freshFolder());
  const file = join(context.recipes, "thing", "recipe.yaml");
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, text);
  return { context: { ...context, environment: { ...context.environment, ...environment } }, file };
}

/** Runs it; its record is as the schema says. */
async function update({ context }: Shop, write = false): Promise<Result> {
  const result = await updateRecipe(context, { recipe: "thing", line: null, write });
  expect(problemsOf(JSON.parse(record("recipe update", result)))).toEqual([]);
  return result;
}

async function refusal(made: Shop): Promise<ForgeError> {
  const error: unknown = await update(made).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ForgeError) return error;
  throw new Error("nothing was refused", { cause: error });
}

/** A server of releases: a listing at `/dl/` where it has one, files below it. */
async function upstream(
  files: Readonly<Record<string, Buffer>>,
  { listing = true, announced = null as string | null } = {},
): Promise<string> {
  const { base } = await serve((request, response) => {
    const name = (request.url ?? "").replace(/^\/dl\//, "");
    const bytes = files[name];
    if (bytes !== undefined) {
      response.writeHead(200, { "content-length": bytes.length });
      response.end(request.method === "HEAD" ? undefined : bytes);
    } else if (listing && request.url === "/dl/") {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      response.end(
        Object.keys(files)
          .map((file) => `<a href="${file}">${file}</a>`)
          .concat('<a href="%zz-2.1.9.tar.gz">no address</a>')
          .join("\n"),
      );
    } else if (request.url === "/simple/thing/") {
      response.writeHead(200, { "content-type": "text/html" });
      const links = Object.entries(files).map(
        ([file, content]) => `<a href="/dl/${file}#sha256=${announced ?? sha256(content)}">${file}</a>`,
      );
      response.end(links.join("\n"));
    } else response.writeHead(404).end();
  });
  return base;
}

const fresh = payload(3000);
const listed = {
  "thing-2.1.0.tar.gz": Buffer.from("old"),
  "thing-2.1.3.tar.gz": fresh.bytes,
  "thing-2.1.2.tar.gz": Buffer.from("in between"),
  "thing-2.2.0rc1.tar.gz": Buffer.from("not yet"),
  "thing-2.1.4.tar.gz.sig": Buffer.from("no archive"),
  "thing-2.0.5.tar.gz": Buffer.from("old"),
};
const url = (base: string): string => `url: ${base}/dl/thing-{version}.tar.gz`;

describe("recipe update", () => {
  test.skipIf(needs("patch") !== null)(
    "proposes the newest of a branch as a diff that patch applies, and writes nothing",
    async () => {
      const made = await shop(recipeText([url(await upstream(listed))]));
      const before = await readFile(made.file, "utf8");
      const { outcome, exitCode, text, fields } = await update(made);
      expect([outcome, exitCode]).toEqual(["done", 0]);
      const copied = before.slice(before.indexOf('  - version: "2.1.0"'), before.indexOf("  # about 2.0.5"));
      const added = copied.replace("2.1.0", "2.1.3").replace(old, fresh.sha256);
      const expected = before.replace("  # about 2.1.0\n", `${added}  # about 2.1.0\n`);
      expect(await readFile(made.file, "utf8")).toBe(before);
      await execa("patch", ["-p1"], { cwd: made.context.cwd, input: text });
      expect(await readFile(made.file, "utf8")).toBe(expected);
      expect(fields["proposals"]).toMatchObject([
        {
          version: "2.1.3",
          after: "2.1.0",
          sources: [{ sha256: fresh.sha256, bytes: 3000, signature: { state: "not-checked" } }],
        },
      ]);
      expect(fields["notes"]).toEqual([
        expect.stringContaining("support is copied from 2.1.0 (lts, until 2030-01-01)"),
        expect.stringContaining("SIGNATURE NOT CHECKED"),
      ]);
      // With the change in place there is nothing newer: every location has said so.
      expect(await update(made)).toMatchObject({ outcome: "unchanged", exitCode: 0, fields: { diff: "" } });
    },
  );

  test("--write puts the same into the file, comments and all, and the bytes into the cache", async () => {
    const made = await shop(recipeText([url(await upstream(listed))]));
    const { fields, text } = await update(made, true);
    expect(fields["written"]).toBe(true);
    const after = await readFile(made.file, "utf8");
    for (const line of text.split("\n").filter((entry) => /^\+[^+]/.test(entry)))
      expect(after).toContain(`${line.slice(1)}\n`);
    expect(after).toContain("# the first line\n");
    expect(await readdir(join(made.context.home, ".cache", "tlsforge", "sources"))).toEqual([
      fresh.sha256,
      `${fresh.sha256}.origin`,
    ]);
  });

  test("what it leaves in the cache when it is killed is an unfinished download to gc", async () => {
    let left: string[] = [];
    const { base } = await serve((request, response) => {
      if (request.url?.endsWith("/thing-2.1.1.tar.gz") !== true) return response.writeHead(404).end();
      if (request.method === "GET") left = readdirSync(cache);
      return response.end(request.method === "HEAD" ? undefined : fresh.bytes);
    });
    const made = await shop(recipeText([url(base)]));
    const cache = join(made.context.home, ".cache", "tlsforge", "sources");
    await update(made);
    expect(left).toEqual([expect.stringContaining("update")]);
    const folder = join(cache, left[0] ?? "");
    await mkdir(join(folder, "in"), { recursive: true });
    const { path } = await openPrefix(made.context.options.prefix, { create: true });
    const sources = { folders: [cache], needed: new Map<string, string>(), keepAll: null };
    const now = Date.now() + 8 * 86_400_000;
    await collectGarbage(path, { ...surroundings(), dryRun: false, sources, now });
    expect(await readdir(cache)).toEqual([fresh.sha256, `${fresh.sha256}.origin`]);
  });

  test("a signature by the recipe's signer is checked, one that is missing is said loudly, a wrong one ends it", async () => {
    const key = await keyOf("releases");
    const stranger = await keyOf("stranger");
    const sign = async (by: typeof key, bytes: Buffer): Promise<Buffer> => Buffer.from(await signed(bytes, by));
    const text = (base: string): string =>
      recipeText([url(base)])
        .replace(
          "versions:\n",
          `signers:\n  me: { openpgp: { fingerprints: ${fingerprint(key)}, keys: keys/me.asc } }\nversions:\n`,
        )
        .replaceAll("        file:", "        signature: { by: me, required: true }\n        file:");
    const withKey = async (files: Readonly<Record<string, Buffer>>): Promise<Shop> => {
      const made = await shop(text(await upstream({ ...listed, ...files })));
      await mkdir(join(made.file, "..", "keys"));
      await writeFile(join(made.file, "..", "keys", "me.asc"), key.toPublic().armor());
      return made;
    };
    const said = async (made: Shop): Promise<unknown> => (await update(made)).fields["notes"];
    const asc = "thing-2.1.3.tar.gz.asc";
    const good = await said(await withKey({ [asc]: await sign(key, fresh.bytes) }));
    expect(good).toContainEqual(expect.stringContaining(`signature checked: me (${fingerprint(key)})`));
    expect(await said(await withKey({}))).toContainEqual(expect.stringContaining("SIGNATURE NOT CHECKED"));
    for (const wrong of [await sign(stranger, fresh.bytes), await sign(key, Buffer.from("other bytes"))])
      expect(await refusal(await withKey({ [asc]: wrong }))).toMatchObject({ code: "signature-wrong" });
  });

  test("where nothing is listed the next versions are asked for", async () => {
    const files = { "thing-2.1.1.tar.gz": fresh.bytes, "thing-2.0.8.tar.gz": Buffer.from("x") };
    const made = await shop(recipeText([url(await upstream(files, { listing: false }))]));
    const { fields } = await update(made);
    expect(fields["proposals"]).toMatchObject([{ version: "2.1.1" }, { version: "2.0.8" }]);
  });

  test("the Python index, as pip is configured, with the digest that it announces", async () => {
    const pypi = 'pypi: { project: Thing, file: "thing-{version}.tar.gz" }';
    const base = await upstream(listed);
    const made = await shop(recipeText([pypi]), { PIP_INDEX_URL: `${base}/simple` });
    expect((await update(made)).fields["proposals"]).toMatchObject([
      { version: "2.1.3", sources: [{ sha256: fresh.sha256 }] },
    ]);
    const lying = await upstream(listed, { announced: "c".repeat(64) });
    const error = await refusal(await shop(recipeText([pypi]), { PIP_INDEX_URL: `${lying}/simple` }));
    expect(error.code).toBe("source-mismatch");
  });

  test("a path is no name of a recipe", async () => {
    const { context } = await shop(recipeText([url("http://127.0.0.1:1")]));
    const asked = updateRecipe(context, { recipe: "../thing", line: null, write: true });
    await expect(asked).rejects.toMatchObject({ code: "usage", message: expect.stringContaining('"../thing"') });
  });

  test("a recipe that is not there is told with the one that is like it", async () => {
    const { context } = await shop(recipeText([url("http://127.0.0.1:1")]));
    const asked = updateRecipe(context, { recipe: "thng", line: null, write: false });
    await expect(asked).rejects.toMatchObject({ code: "usage", hint: "did you mean thing?; there is thing" });
    const line = updateRecipe(context, { recipe: "thing", line: "classc", write: false });
    await expect(line).rejects.toMatchObject({ code: "usage", hint: expect.stringContaining("--line") as string });
  });

  test("a recipe whose sources are all files of this machine has nobody to ask, with a network or without", async () => {
    const error = await refusal(await shop(recipeText(["file: /srv/thing-{version}.tar.gz"])));
    expect(error).toMatchObject({
      code: "usage",
      message: "thing has no location that could be asked for versions",
      hint: expect.stringContaining("upstream") as string,
    });
  });

  test("locations that hold other bytes of one version are refused, and nothing is proposed", async () => {
    const other = await upstream({ ...listed, "thing-2.1.3.tar.gz": Buffer.from("something else") });
    const text = recipeText([url(await upstream(listed))]).replaceAll(/( +)(- url: .*\n)/g, `$1$2$1- ${url(other)}\n`);
    const error = await refusal(await shop(text));
    expect(error).toMatchObject({
      code: "source-mismatch",
      details: [expect.stringContaining(fresh.sha256), expect.anything()],
    });
  });

  test("a source that no location has any more is left out of the proposal, and said", async () => {
    const base = await upstream(listed);
    const gone = await upstream({}, { listing: false });
    const { fields, text } = await update(await shop(recipeText([url(gone), url(base)])));
    expect(text.split("\n").filter((line) => line.startsWith("+      - sha256"))).toEqual([
      `+      - sha256: ${fresh.sha256}`,
    ]);
    expect(fields["notes"]).toContain("2.1.3: a source that could not be had is left out");
  });

  test("a branch that the recipe does not have is told, not proposed", async () => {
    const made = await shop(recipeText([url(await upstream({ ...listed, "thing-3.0.0.tar.gz": Buffer.from("new") }))]));
    const { fields, text } = await update(made);
    expect(text).not.toContain("3.0.0");
    expect(fields["notes"]).toContainEqual(
      expect.stringContaining("3.0.0 is of a branch that the recipe does not have"),
    );
  });

  test("where nobody can be asked is said, before anybody is", async () => {
    const made = await shop(recipeText([url("http://127.0.0.1:1")]));
    const asked = { recipe: "thing", line: null, write: false };
    await expect(updateRecipe(made.context, { ...asked, misplaced: "--offline" })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("offline there is nobody to ask") as string,
    });
    await expect(updateRecipe(made.context, { ...asked, misplaced: "--mirror" })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("a mirror has files by their digests") as string,
    });
    for (const option of [["--offline"], ["--mirror", "http://127.0.0.1:1/"]]) {
      const parsed = await parseCommandLine(["recipe", "update", "thing", ...option], { version: "1", cwd: "/" });
      await expect("run" in parsed ? parsed.run(made.context) : null).rejects.toMatchObject({ code: "usage" });
    }
  });

  test("what a location said is told once: by the refusal, or as it was found", async () => {
    const broken = (await serve((_, response) => response.writeHead(500).end())).base;
    const said: string[] = [];
    const made = await shop(recipeText([url(broken)]));
    const emit: Context["emit"] = (event) => {
      if ("message" in event) said.push(event.message);
    };
    const error = await refusal({ ...made, context: { ...made.context, emit } });
    expect([said, error.details]).toEqual([[], [expect.stringContaining("NOT ANSWERED")]]);
    const half = await shop(recipeText([url(await upstream(listed)), url(broken)]));
    await update({ ...half, context: { ...half.context, emit } });
    expect(said.filter((message) => message.startsWith(broken))).toHaveLength(1);
  });

  test("what does not answer is unknown, never nothing to do", async () => {
    const { base } = await serve((_, response) => response.writeHead(500).end());
    const broken = await shop(recipeText([url(base)]));
    expect(await refusal(broken)).toMatchObject({ code: "unreachable", details: [expect.stringContaining("500")] });
    const nobody = await shop(recipeText(["url: http://127.0.0.1:1/dl/thing-{version}.tar.gz"]));
    expect(await refusal(nobody)).toMatchObject({ code: "unreachable" });
    const current = { "thing-2.1.0.tar.gz": Buffer.from("old"), "thing-2.0.5.tar.gz": Buffer.from("old") };
    const half = await shop(recipeText([url(await upstream(current)), url(base)]));
    expect(await refusal(half)).toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("1 of its locations") as string,
    });
  });

  test("a recipe that only locks packages tells which of them could be newer, and proposes nothing", async () => {
    const text = recipeText([]).replace(
      /versions:[^]*?(?=\n\n)/,
      'versions: [{ version: "1.0", support: { status: lts } }]\nlock: lock.yaml',
    );
    const lock = (version: string): string =>
      `schema: tlsforge.lock/1\npackages:\n  - { project: thing, version: "${version}", role: runtime, files: [{ file: x, sha256: ${old} }] }\n`;
    const files = {
      ...listed,
      "thing-2.1.10.dev1.tar.gz": Buffer.from("no"),
      "thing-2.1.9-py3-none-any.whl": Buffer.from("a wheel"),
    };
    const made = await shop(text, { PIP_INDEX_URL: `${await upstream(files)}/simple` });
    await writeFile(join(made.file, "..", "lock.yaml"), lock("2.1.3"));
    expect(await update(made)).toMatchObject({
      outcome: "done",
      text: expect.stringContaining("thing: 2.1.9 is released, 2.1.3 is locked") as string,
      fields: { diff: "", proposals: [] },
    });
    await writeFile(join(made.file, "..", "lock.yaml"), lock("2.1.9"));
    expect(await update(made)).toMatchObject({ outcome: "unchanged", exitCode: 0 });
    const silent = {
      ...made,
      context: { ...made.context, environment: { PIP_INDEX_URL: "http://127.0.0.1:1/simple" } },
    };
    expect(await refusal(silent)).toMatchObject({ code: "unreachable" });
  });

  test("a recipe without sources, and one whose versions stand in one line", async () => {
    const line = recipeText([]).replace(
      /versions:[^]*?(?=\n\n)/,
      'versions: [{ version: "1.0", support: { status: lts } }]',
    );
    expect(await refusal(await shop(line))).toMatchObject({ code: "usage" });
    const sources = `sources: [{ sha256: ${old}, locations: [{ url: "http://127.0.0.1:1/{version}.tar" }] }]`;
    expect(await refusal(await shop(line.replace("lts }", `lts }, ${sources}`)))).toMatchObject({
      code: "recipe-invalid",
    });
  });
});
