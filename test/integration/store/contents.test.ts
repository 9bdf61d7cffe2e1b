import { chmod, chown, mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { expect, it } from "vitest";
import { compareContents, realise, type Build, type Receipt } from "../../../src/store/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { derivation, freshPrefix, result, surroundings, writes } from "./helpers.ts";

async function made(): Promise<Receipt> {
  const prefix = await freshPrefix();
  const files = writes({ "bin/tool": "tool", "lib/data": "data" });
  return (await realise(derivation(prefix, "made"), files, surroundings())).receipt;
}

it("an output without its list, or with another one, is changed, whatever else is as it was", async () => {
  const receipt = await made();
  const list = join(receipt.out, "contents.json");
  expect(await compareContents(receipt)).toMatchObject({ outcome: "intact", entries: 4 });
  for (const [damage, told] of [
    [() => rm(list), "contents.json: is gone"],
    [() => writeFile(list, ""), "contents.json: was changed"],
    [() => rm(list).then(() => mkdir(list)), "contents.json: was changed"],
    [() => rm(list, { recursive: true }).then(() => execa("mkfifo", [list])), "contents.json: was changed"],
  ] as const) {
    await damage();
    expect(await compareContents(receipt)).toMatchObject({
      outcome: "changed",
      differences: expect.arrayContaining([told]),
    });
  }
  await rm(join(receipt.out, "lib", "data"));
  expect(await compareContents(receipt)).toMatchObject({
    differences: expect.arrayContaining(["contents.json: was changed; what else was changed cannot be told"]),
  });
});

it.each([
  ["bin/tool", 0o4755, "bin/tool: had the mode 755, has 4755"],
  ["lib", 0o2755, "lib: had the mode 755, has 2755"],
  ["", 0o777, "its folder: is writable by everybody"],
  ["receipt.json", 0o666, "receipt.json: has the mode 666"],
])("the mode of %j counts, all of it", async (path, mode, told) => {
  const receipt = await made();
  await chmod(join(receipt.out, path), mode);
  expect(await compareContents(receipt)).toEqual({ outcome: "changed", differences: [told] });
});

it("a run that is interrupted while a file of any size is noted ends at once", { timeout: 5_000 }, async () => {
  const prefix = await freshPrefix();
  const build: Build = async (context) => {
    await writeFile(join(context.out, "large"), "");
    await truncate(join(context.out, "large"), 16 * 1024 ** 3);
    return result;
  };
  const options = { ...surroundings(), signal: AbortSignal.timeout(300) };
  await expect(realise(derivation(prefix, "made"), build, options)).rejects.toMatchObject({ code: "interrupted" });
});

describeWith(["root"], "who owns what", () => {
  it.each([
    ["bin/tool", 1000, 0, "bin/tool: had the owner 0:0, has 1000:0"],
    ["lib", 0, 1000, "lib: had the owner 0:0, has 0:1000"],
    ["contents.json", 1000, 0, "contents.json: had the owner 0:0, has 1000:0"],
  ])("%s of somebody else is a change", async (path, uid, gid, told) => {
    const receipt = await made();
    await chown(join(receipt.out, path), uid, gid);
    expect(await compareContents(receipt)).toEqual({ outcome: "changed", differences: [told] });
  });

  it("so is an output that is all somebody else's; with the whole store it is not", async () => {
    const receipt = await made();
    await execa("chown", ["-hR", "1000:1000", receipt.out]);
    const told = "its folder: belongs to 1000:1000, the store to 0:0";
    expect(await compareContents(receipt)).toEqual({ outcome: "changed", differences: [told] });
    await execa("chown", ["-hR", "1000:1000", join(receipt.out, "..")]);
    expect(await compareContents(receipt)).toMatchObject({ outcome: "intact" });
  });

  it("what a build itself gives to somebody is as it was built", async () => {
    const prefix = await freshPrefix();
    const { receipt } = await realise(
      derivation(prefix, "made"),
      async (context) => {
        const result = await writes({ "bin/tool": "tool" })(context);
        await chown(join(context.out, "bin", "tool"), 0, 1000);
        return result;
      },
      surroundings(),
    );
    expect(await compareContents(receipt)).toMatchObject({ outcome: "intact" });
    await chown(join(receipt.out, "bin", "tool"), 0, 0);
    expect(await compareContents(receipt)).toMatchObject({
      differences: ["bin/tool: had the owner 0:1000, has 0:0"],
    });
  });
});
