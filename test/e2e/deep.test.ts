/** Outputs that somebody has changed: found by digest, named, and built anew while nobody uses them. */
import { existsSync } from "node:fs";
import { appendFile, chmod, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWith } from "../tools/needs.ts";
import { nothingIsLeft, outputsAreIntact } from "./kills.ts";
import { saidBy, saying, standInArchives, standInShop, writeStandIn } from "./standin.ts";
import { compile, run, runJson, spareSource, type ResultRecord, type Workshop } from "./support.ts";

describeWith(["linux", "cc", "make", "autoconf"], "a store path changed by hand", () => {
  let archives: string;
  let shop: Workshop;

  beforeAll(async () => {
    await compile();
    archives = await standInArchives();
    shop = await standInShop(archives);
    await writeStandIn(shop, { word: "intact" });
    await run(shop, ["build", "--yes"]);
  });

  afterAll(async () => {
    await shop.remove();
    await rm(archives, { recursive: true, force: true });
  });

  test("is found by digest, refused to be built anew under who uses it, and then is; nobody else's output is touched", async () => {
    expect(await contents(["doctor", "--deep"])).toEqual({ alpha: "pass", beta: "pass", gamma: "pass" });
    const [alpha, beta] = [await outOf("alpha"), await outOf("beta")];
    await appendFile(join(alpha, "lib", "libalpha.so"), "x");
    await chmod(join(alpha, "include", "alpha.h"), 0o600);
    await rm(join(alpha, "bin", "alpha"));
    await writeFile(join(alpha, "lib", "planted.so"), "");
    await rm(join(beta, "include", "beta.h"));
    await symlink("/etc/passwd", join(beta, "include", "beta.h"));
    const { record } = await runJson(shop, ["doctor", "--deep"]);
    expect(record.exitCode).toBe(1);
    expect(outcomes(record)).toEqual({ alpha: "fail", beta: "fail", gamma: "pass" });
    const told = record.checks.map(({ message }) => message).join("\n");
    for (const text of [
      "bin/alpha: is gone",
      "include/alpha.h: had the mode 644, has 600",
      "lib/libalpha.so: has other content",
      "lib/planted.so: was not there",
      "include/beta.h: was a file, is a link",
    ])
      expect(told).toContain(text);
    // Without --deep nobody reads all of it, and of a stack that has no server none is missed.
    expect(await contents(["doctor"])).toEqual({});
    const plain = await runJson(shop, ["doctor"]);
    expect(
      plain.record.checks.filter(({ outcome }) => outcome !== "pass").map(({ id, message }) => [id, message]),
    ).toEqual([["server", "nothing can serve of the stack small: it has no python-tls"]]);
    expect(plain.record.exitCode).toBe(0);
    expect((await runJson(shop, ["plan"])).record.warnings).toContain(
      "provision is refused: nothing can serve of the stack small: it has no python-tls; build makes it",
    );

    const user = execa("sleep", ["60"], { cwd: join(beta, "lib"), reject: false });
    const refused = await runJson(shop, ["doctor", "--repair"]);
    expect(refused.record.error).toMatchObject({
      code: "prefix-busy",
      message: expect.stringContaining(`in use by process ${user.pid}`),
      hint: expect.stringContaining("doctor --deep --repair again"),
    });
    user.kill();
    await user;

    const before = await readFile(join(await outOf("gamma"), "receipt.json"), "utf8");
    await rm(join(shop.home, ".cache", "tlsforge", "sources"), { recursive: true });
    const spare = await spareSource(shop);
    const repaired = (await runJson(shop, ["doctor", "--repair"])).record;
    expect(outcomes(repaired)).toEqual({ alpha: "pass", beta: "pass", gamma: "pass" });
    expect(repaired.checks.filter(({ id }) => id.startsWith("repaired:"))).toHaveLength(2);
    expect(existsSync(spare)).toBe(false);
    expect(await outOf("alpha")).toBe(alpha);
    expect(await readFile(join(await outOf("gamma"), "receipt.json"), "utf8")).toBe(before);
    expect(await saidBy(shop)).toEqual(saying("intact"));
    await outputsAreIntact(shop);
    await nothingIsLeft(shop);
  });

  test("whose receipt is of an older tlsforge is untestable; one that was cut short is built again", async () => {
    const receipt = join(await outOf("gamma"), "receipt.json");
    const { contents: _noted, ...older } = JSON.parse(await readFile(receipt, "utf8")) as Record<string, unknown>;
    await writeFile(receipt, JSON.stringify(older));
    expect(await contents(["doctor", "--deep"])).toEqual({ alpha: "pass", beta: "pass", gamma: "unknown" });
    await truncate(receipt, 200);
    const { record } = await runJson(shop, ["build", "--yes"]);
    expect(record.builds.map(({ recipe, cached }) => [recipe, cached])).toEqual([
      ["alpha", true],
      ["beta", true],
      ["gamma", false],
    ]);
    expect(await contents(["doctor", "--deep"])).toEqual({ alpha: "pass", beta: "pass", gamma: "pass" });
  });

  test("that is gone, or whose receipt is, is built again in its place", async () => {
    const [alpha, gamma] = [await outOf("alpha"), await outOf("gamma")];
    await rm(alpha, { recursive: true });
    await truncate(join(gamma, "receipt.json"), 200);
    const found = (await runJson(shop, ["doctor"])).record;
    expect(found.checks.filter(({ outcome }) => outcome === "fail").map(({ message, fix }) => [message, fix])).toEqual([
      [`alpha 1.0.0: ${alpha} is gone`, expect.stringMatching(/ doctor --deep --repair$/u)],
      [`gamma 1.0.0: ${gamma} has no receipt that can be read`, expect.stringMatching(/ doctor --deep --repair$/u)],
    ]);
    const { record } = await runJson(shop, ["doctor", "--repair"]);
    expect(outcomes(record)).toEqual({ alpha: "pass", beta: "pass", gamma: "pass" });
    expect([await outOf("alpha"), await outOf("gamma")]).toEqual([alpha, gamma]);
    expect(await saidBy(shop)).toEqual(saying("intact"));
    await outputsAreIntact(shop);
  });

  test("that cannot be built as it was any more says so, and what to do", async () => {
    await appendFile(join(await outOf("gamma"), "bin", "gamma"), "x");
    await writeStandIn(shop, { word: "other" });
    const { record } = await runJson(shop, ["doctor", "--repair"]);
    expect(record.error).toMatchObject({
      code: "not-found",
      message: expect.stringContaining("gamma 1.0.0"),
      hint: expect.stringContaining("provision builds the current versions elsewhere"),
    });
    // It is in the way of no other.
    const { builds } = (await runJson(shop, ["build", "--yes"])).record;
    const key = builds.find(({ recipe }) => recipe === "alpha")?.key.slice(0, 16) ?? "";
    await appendFile(join(shop.prefix, "store", `${key}-alpha-1.0.0`, "bin", "alpha"), "x");
    const { record: later } = await runJson(shop, ["doctor", "--repair", "--offline"]);
    const repairs = later.checks.filter(({ id }) => id.startsWith("repaired:"));
    expect(repairs.map(({ id, outcome }) => [id.split("-")[1], outcome])).toEqual([
      ["alpha", "info"],
      ["gamma", "fail"],
    ]);
    expect(later.exitCode).toBe(1);
  });

  async function contents(argv: readonly string[]): Promise<Readonly<Record<string, string>>> {
    return outcomes((await runJson(shop, argv)).record);
  }

  async function outOf(recipe: string): Promise<string> {
    const store = join(shop.prefix, "store");
    return join(store, (await readdir(store)).find((name) => name.includes(`-${recipe}-`)) ?? "");
  }
});

/** Outcomes of the checks of contents, by recipe. */
function outcomes({ checks }: ResultRecord): Readonly<Record<string, string>> {
  const own = checks.filter(({ id }) => id.startsWith("contents:"));
  return Object.fromEntries(own.map(({ id, outcome }) => [id.split("-")[1] ?? "", outcome]));
}
