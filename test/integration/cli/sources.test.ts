import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sources } from "../../../src/cli/commands/sources.ts";
import { sourceText, type SourceRecord } from "../../../src/cli/source-text.ts";
import { fingerprint, keyOf, signed, withEnd } from "../fetch/openpgp-keys.ts";
import { contextIn, freshFolder } from "./context.ts";

const request = { stack: "small", sources: { sources: {}, offline: true } };

/** A stack of three small packages below a fresh folder: one whose signature is demanded, one that nobody signs, one that is not in the cache. */
async function world(asked = "signature: { by: alice, required: true },", lifeDays = 0) {
  const folder = await freshFolder();
  const [key, other] = await Promise.all([keyOf("alice"), keyOf("mallory")]);
  const copy = lifeDays === 0 ? key : await withEnd(key, lifeDays);
  const bytes = Buffer.from("the release");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const cache = join(folder, ".cache/tlsforge/sources");
  await mkdir(join(folder, "recipes/stacks"), { recursive: true });
  await mkdir(cache, { recursive: true });
  await writeFile(join(cache, sha256), bytes);
  const recipe = async (name: string, head: readonly string[], source: string): Promise<void> => {
    await mkdir(join(folder, "recipes", name, "keys"), { recursive: true });
    await writeFile(join(folder, "recipes", name, "keys/alice.asc"), copy.toPublic().armor());
    const text = [
      "schema: tlsforge.recipe/1",
      `name: ${name}`,
      "summary: A small package",
      "license: MIT",
      ...head,
      "versions:",
      '  - version: "1.0"',
      "    support: { status: supported }",
      "    sources:",
      `      - { sha256: ${sha256}, ${source} locations: [{ url: "https://small.invalid/${name}-1.0.tar.gz" }] }`,
      "steps: [{ make: {} }]",
    ];
    await writeFile(join(folder, "recipes", name, "recipe.yaml"), text.join("\n"));
  };
  const signers = ["signers:", `  alice: { openpgp: { fingerprints: ${fingerprint(key)}, keys: keys/alice.asc } }`];
  await recipe("signed", signers, asked);
  await recipe("plain", [], "");
  const stack = [
    "schema: tlsforge.stack/1",
    "name: small",
    "summary: Small packages",
    'recipes: { signed: "*", plain: "*" }',
    ...["server", "openssl", "python"].map((role) => `${role}: plain`),
  ];
  await writeFile(join(folder, "recipes/stacks/small.yaml"), stack.join("\n"));
  return { context: contextIn(folder), key, other, bytes, sha256, signature: join(cache, `${sha256}.asc`), cache };
}

const seen = ({ fields }: Awaited<ReturnType<typeof sources>>): readonly SourceRecord[] =>
  fields["sources"] as readonly SourceRecord[];

const verdicts = (result: Awaited<ReturnType<typeof sources>>): object =>
  Object.fromEntries(seen(result).map(({ recipe, signature }) => [recipe, signature]));

test("sources tells digest, signer, origin and whether each is cached", async () => {
  const { context, key, bytes, sha256, signature, cache } = await world();
  await writeFile(signature, await signed(bytes, key));
  const result = await sources(context, request);
  const records = new Map(seen(result).map((record) => [record.recipe, record]));
  expect(result).toMatchObject({ outcome: "done", exitCode: 0 });
  expect(records.get("signed")).toMatchObject({
    version: "1.0",
    file: "signed-1.0.tar.gz",
    sha256,
    cached: join(cache, sha256),
    origin: null,
    signers: [`alice (${fingerprint(key)})`],
    required: true,
    signature: { outcome: "observed", signer: "alice", key: fingerprint(key), from: "cache" },
    built: null,
  });
  expect(records.get("plain")?.signature).toEqual({ outcome: "untestable", why: "the recipe names no signer for it" });
  expect(result.text).toContain(`signed by alice, key ${fingerprint(key)}`);
  expect(result.text).toContain(`sha256     ${sha256}`);
});

test("a signature that the caches lack is not checked, and nothing is asked for it", async () => {
  const { context } = await world();
  const result = await sources(context, request);
  const record = seen(result).find(({ recipe }) => recipe === "signed");
  expect(record?.signature).toEqual({ outcome: "untestable", why: "the caches have none" });
  expect(result.text).toMatch(/not checked: the caches have none; demanded of alice \([0-9A-F]{40}\)/);
});

test("a wrong signature makes it fail, with exit 1", async () => {
  const { context, other, bytes, signature } = await world();
  await writeFile(signature, await signed(bytes, other));
  const result = await sources(context, request);
  expect(result).toMatchObject({ outcome: "failed", exitCode: 1, fields: { error: { code: "signature-wrong" } } });
  expect(result.text).toContain("WRONG: ");
});

test("a signature from after the end of the recipe's copy of the key, and no signer although the recipe has some, are not checked", async () => {
  const { context, key, bytes, signature } = await world("signature: { by: alice },", 5);
  await writeFile(signature, await signed(bytes, key));
  const late = await sources(context, request);
  expect(late).toMatchObject({ outcome: "done", exitCode: 0 });
  expect(verdicts(late)).toMatchObject({ signed: { outcome: "untestable" } });
  expect(late.text).toMatch(/not checked: cache: it was made on .*our copy of the key .* ended on .*; wanted of alice/);
  const named = await sources((await world("")).context, request);
  const why = "the recipe has signers, and names none of them for it";
  expect(verdicts(named)).toEqual({
    signed: { outcome: "untestable", why },
    plain: { outcome: "untestable", why: "the recipe names no signer for it" },
  });
  expect(named.text).toContain(`not checked: ${why}`);
});

test("the text says from where each was, from a cache also from where first, or that this is not known", async () => {
  const { context, sha256 } = await world();
  const [record] = seen(await sources(context, request));
  const from = (built: SourceRecord["built"]): string | undefined =>
    / {2}from {7}(.*)\n/.exec(sourceText([{ ...record!, built }]))?.[1];
  const built = { sha256, location: "cache", origin: "https://small.invalid/a", verified: true };
  expect(from(built)).toBe("cache, first from https://small.invalid/a");
  expect(from({ ...built, origin: null })).toBe("cache, first location not known");
  expect(from({ ...built, location: "https://small.invalid/b", origin: null })).toBe("https://small.invalid/b");
  expect(from(null)).toBe("nothing is built from it; the cache has it, first location not known");
  await writeFile(`${record!.cached}.origin`, JSON.stringify({ schema: "tlsforge.origin/1", location: "/a/b" }));
  const told = await sources(context, request);
  expect(told.text).toContain("nothing is built from it; the cache has it, first from /a/b\n");
});
