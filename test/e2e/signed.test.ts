import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PrivateKey } from "openpgp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fingerprint, keyOf, signed } from "../integration/fetch/openpgp-keys.ts";
import { describeWith } from "../tools/needs.ts";
import { compile, localVersion, run, runJson, writeRecipes, workshop, type Version, type Workshop } from "./support.ts";

describeWith(["linux", "cc", "make"], "a stack whose source has to be signed", () => {
  let shop: Workshop;
  let version: Version;
  let key: PrivateKey;
  let signature: string;

  beforeAll(async () => {
    await compile();
    [shop, key] = await Promise.all([workshop(), keyOf("alice")]);
    version = await localVersion(shop, "1.0.0", 1);
    await writeRecipes(shop, { versions: [version] });
    const recipe = join(shop.recipes, "hello/recipe.yaml");
    const signers = `signers:\n  alice: { openpgp: { fingerprints: ${fingerprint(key)}, keys: keys/alice.asc } }\n`;
    const text = (await readFile(recipe, "utf8")).replace("versions:", `${signers}versions:`);
    await writeFile(recipe, text.replace("locations:", "signature: { by: alice, required: true }, locations:"));
    await mkdir(join(shop.recipes, "hello/keys"));
    await writeFile(join(shop.recipes, "hello/keys/alice.asc"), key.toPublic().armor());
    signature = join(shop.folder, "archives/hello-1.0.0.tar.gz.asc");
  });

  afterAll(async () => shop.remove());

  test("is refused without a signature, and with one of another key; nothing is built", async () => {
    const without = await runJson(shop, ["build", "--yes"]);
    expect(without.record).toMatchObject({ exitCode: 1, error: { code: "signature-missing" } });
    const archive = await readFile(join(shop.folder, "archives/hello-1.0.0.tar.gz"));
    await writeFile(signature, await signed(archive, await keyOf("mallory")));
    const wrong = await runJson(shop, ["build", "--yes"]);
    expect(wrong.record).toMatchObject({ exitCode: 1, error: { code: "signature-wrong" } });
    expect(wrong.stderr).toContain("error[signature-wrong]");
    expect(await readdir(join(shop.prefix, "store"))).toEqual([]);
    await writeFile(signature, await signed(archive, key));
  });

  test("is built with a good one, which receipt and sources tell; built, it is not asked for again", async () => {
    expect((await runJson(shop, ["build", "--yes"])).record).toMatchObject({ outcome: "done", exitCode: 0 });
    const [output = ""] = (await readdir(join(shop.prefix, "store"))).filter((name) => name.includes("-hello-"));
    const receipt = JSON.parse(await readFile(join(shop.prefix, "store", output, "receipt.json"), "utf8")) as {
      readonly sources: readonly unknown[];
    };
    const good = { outcome: "observed", kind: "openpgp", signer: "alice", key: fingerprint(key), pinned: true };
    // The refused tries have left it in the cache.
    const origin = join(shop.folder, "archives/hello-1.0.0.tar.gz");
    const built = { sha256: version.sha256, location: "cache", origin };
    expect(receipt.sources).toMatchObject([{ ...built, signature: { ...good, from: signature } }]);
    const cached = join(shop.home, ".cache/tlsforge/sources", version.sha256);
    expect(existsSync(`${cached}.asc`)).toBe(true);
    const { record } = await runJson(shop, ["sources", "--offline"]);
    expect(record).toMatchObject({
      outcome: "done",
      sources: [{ recipe: "hello", cached, origin, signature: { ...good, from: "cache" }, built }],
    });
    await rm(signature);
    await writeFile(`${cached}.asc`, "spoilt");
    expect((await runJson(shop, ["build", "--yes"])).record).toMatchObject({ outcome: "unchanged" });
    const told = await run(shop, ["sources"]);
    expect([told.exitCode, told.stdout]).toEqual([1, expect.stringContaining("signature  WRONG: ")]);
  });
});
