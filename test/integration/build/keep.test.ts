import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { failedRecord, readFailed } from "../../../src/store/index.ts";
import { derivationOf, failureOf, freshFolder, machineSeal, make, prepare, programs, scratchOf } from "./helpers.ts";

it("a failed build says what failed in it, and has a program that does it again", async () => {
  const home = await freshFolder();
  const project = await prepare(home);
  const seal = { ...(await machineSeal()), homes: [home] };
  const recipe = {
    ...programs(["sh", "-c", `echo "it's $0" >mark; exit 3`, "a 'b' $c"]),
    environment: { GREETING: "o'clock" },
  };
  await failureOf(
    make(project, { recipe, seal, keepFailed: true, passThrough: { http_proxy: "http://u:secret@host" } }),
  );
  const scratch = scratchOf(derivationOf(project, { recipe }));
  expect(await readFailed(scratch)).toMatchObject({
    recipe: "hello",
    argv: ["sh", "-c", expect.any(String) as string, "a 'b' $c"],
    directory: scratch,
    environment: { GREETING: "o'clock", http_proxy: "http://u:secret@host" },
    reason: expect.stringContaining("failed: exit 3") as string,
    seen: expect.arrayContaining([join(project.prefix, "store"), project.recipe.folder]) as string[],
    network: false,
  });
  const again = join(scratch, "bin", "tlsforge-again");
  expect(() => execFileSync(again, { env: {} })).toThrow(expect.objectContaining({ status: 3 }) as Error);
  expect(execFileSync("cat", [join(scratch, "mark")], { encoding: "utf8" })).toBe("it's a 'b' $c\n");
  // It holds what the caller's proxy asks for.
  for (const file of [again, failedRecord(scratch)]) expect(statSync(file).mode & 0o077).toBe(0);
});

it("says of the failing command whether it had the network", async () => {
  const project = await prepare(await freshFolder());
  const recipe = { ...programs(), steps: [{ kind: "run", argv: ["sh", "-c", "exit 3"], network: true }] as const };
  const scratch = scratchOf(derivationOf(project, { recipe }));
  for (const offline of [false, true]) {
    await failureOf(make(project, { recipe, keepFailed: true, offline }));
    expect((await readFailed(scratch))?.network).toBe(!offline);
  }
});

it("a gate that fails is kept with what it ran, and a build that fails before any program with none", async () => {
  const project = await prepare(await freshFolder());
  const gates = [{ kind: "run", name: "says no", argv: ["sh", "-c", "exit 1"], expect: "^yes" }] as const;
  const recipe = { ...programs(["sh", "-c", "mkdir -p ${out}; touch ${out}/x"]), gates };
  const hint = (await failureOf(make(project, { recipe }))).hint ?? "";
  expect(hint).toMatch(/; with --keep-failed .*, and tlsforge shell hello goes there; the whole log: \S+$/u);
  const kept = (await failureOf(make(project, { recipe, keepFailed: true }))).hint ?? "";
  expect(kept).toMatch(
    /; the failed build is kept in \S+ \(tlsforge shell hello goes there, .*\); the whole log: \S+$/u,
  );
  expect(kept).not.toContain("--keep-failed");
  expect((await readFailed(scratchOf(derivationOf(project, { recipe }))))?.argv).toEqual(["sh", "-c", "exit 1"]);
  const none = { ...programs(["sh"]), steps: [{ kind: "run", argv: ["${nosuch}"] }] as const };
  await failureOf(make(project, { recipe: none, keepFailed: true }));
  expect((await readFailed(scratchOf(derivationOf(project, { recipe: none }))))?.argv).toBeNull();
});
