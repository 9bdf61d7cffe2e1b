import { execFile } from "node:child_process";
import { access, chmod, mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { ForgeError } from "../../../src/errors.ts";
import { lockPrefix, prefixPaths, readReceipt, realise } from "../../../src/store/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { derivation, freshFolder, freshPrefix, result, surroundings, writes } from "./helpers.ts";

const run = promisify(execFile);
const script = new URL("./child.ts", import.meta.url).pathname;

describe("realise", () => {
  it("builds once, then takes what is there", async () => {
    const prefix = await freshPrefix();
    const made = derivation(prefix, "demo");
    const around = surroundings();
    const first = await realise(made, writes({ "bin/demo": "#!/bin/sh\n" }), around);
    expect(first).toMatchObject({ cached: false, receipt: { recipe: "demo", key: made.key, tools: { cc: "cc 12" } } });
    const second = await realise(made, () => Promise.reject(new Error("built again")), around);
    expect(second).toEqual({ cached: true, receipt: first.receipt });
    expect(around.events.map(({ type }) => type)).toEqual(["build-start", "build-done", "build-done"]);
    expect(await readdir(prefixPaths(prefix).locks)).toEqual([]);
  });

  it("gives each build an empty output, also after a receipt was cut short or there is garbage", async () => {
    const prefix = await freshPrefix();
    const made = derivation(prefix, "demo");
    await mkdir(made.out);
    await writeFile(join(made.out, "garbage"), "");
    await realise(made, writes({ a: "1" }), surroundings());
    expect((await readdir(made.out)).toSorted()).toEqual(["a", "contents.json", "receipt.json"]);
    await truncate(join(made.out, "receipt.json"), 100);
    expect(await readReceipt(made.out)).toBeNull();
    expect(await realise(made, writes({ b: "1" }), surroundings())).toMatchObject({ cached: false });
    expect((await readdir(made.out)).toSorted()).toEqual(["b", "contents.json", "receipt.json"]);
  });

  it("does not take a receipt that was copied from elsewhere", async () => {
    const prefix = await freshPrefix();
    const [one, other] = [derivation(prefix, "one"), derivation(prefix, "other")];
    await realise(one, writes({ a: "1" }), surroundings());
    await mkdir(other.out);
    await writeFile(join(other.out, "receipt.json"), await readFile(join(one.out, "receipt.json")));
    expect(await readReceipt(other.out)).toBeNull();
  });

  it("removes the output of a build that fails, unless it shall stay, and gives the lock back", async () => {
    const prefix = await freshPrefix();
    const made = derivation(prefix, "demo");
    const failing = async ({ out }: { readonly out: string }) => {
      await writeFile(join(out, "half"), "");
      throw new ForgeError("build-failed", "make failed");
    };
    const failed = expect.objectContaining({ code: "build-failed" });
    await expect(realise(made, failing, surroundings())).rejects.toEqual(failed);
    await expect(access(made.out)).rejects.toThrow("ENOENT");
    await expect(realise(made, failing, { ...surroundings(), keepFailed: true })).rejects.toEqual(failed);
    expect(await readdir(made.out)).toEqual(["half"]);
    expect(await realise(made, writes({ a: "1" }), surroundings())).toMatchObject({ cached: false });
    expect((await readdir(made.out)).toSorted()).toEqual(["a", "contents.json", "receipt.json"]);
  });

  it("does not take what a build made after the signal", async () => {
    const prefix = await freshPrefix();
    const made = derivation(prefix, "demo");
    const abort = new AbortController();
    const interrupted = () => {
      abort.abort();
      return Promise.resolve(result);
    };
    const options = { ...surroundings(), signal: abort.signal };
    await expect(realise(made, interrupted, options)).rejects.toEqual(expect.objectContaining({ code: "interrupted" }));
    await expect(access(made.out)).rejects.toThrow("ENOENT");
  });

  it("removes read-only folders too", async () => {
    const prefix = await freshPrefix();
    const made = derivation(prefix, "demo");
    const locked = async ({ out }: { readonly out: string }) => {
      await mkdir(join(out, "a/b"), { recursive: true });
      await writeFile(join(out, "a/b/c"), "");
      await run("chmod", ["-R", "a-w", join(out, "a")]);
      throw new ForgeError("build-failed", "make failed");
    };
    await expect(realise(made, locked, surroundings())).rejects.toThrow("make failed");
    expect(await readdir(prefixPaths(prefix).store)).toEqual([]);
  });

  it("makes durable what it has noted of the contents too", async () => {
    const prefix = await freshPrefix();
    const programs = await freshFolder();
    const seen = join(programs, "seen");
    await writeFile(join(programs, "sync"), `#!/bin/sh\nls "$2" > ${seen}\n`, { mode: 0o755 });
    const path = process.env["PATH"];
    onTestFinished(() => void (process.env["PATH"] = path));
    process.env["PATH"] = `${programs}:${path}`;
    const large = async ({ out }: { readonly out: string }) => {
      for (let index = 0; index < 12; index += 1) {
        await writeFile(join(out, String(index)), "");
        await truncate(join(out, String(index)), 16_000_000);
      }
      return result;
    };
    await realise(derivation(prefix, "large"), large, surroundings());
    expect((await readFile(seen, "utf8")).split("\n")).toContain("contents.json");
  });

  it("makes 10,000 files durable in a bounded time", async () => {
    const prefix = await freshPrefix();
    let written = 0;
    const many = async ({ out }: { readonly out: string }) => {
      for (let index = 0; index < 10_000; index += 1) await writeFile(join(out, String(index)), "x".repeat(2000));
      written = performance.now();
      return result;
    };
    await realise(derivation(prefix, "many"), many, surroundings());
    expect(performance.now() - written).toBeLessThan(10_000);
  });
});

describeWith(["linux", "root"], "a repair by a user who cannot remove what is there", () => {
  it("leaves the new output, and warns of what stays of the old one", async () => {
    const { prefix, out, repair } = await nobodysPrefix();
    await mkdir(join(out, "roots/folder"), { recursive: true });
    expect(await repair("repair")).toEqual([
      "built",
      expect.stringMatching(/^What .* was before could not be removed/u),
    ]);
    expect(await readReceipt(out)).not.toBeNull();
    expect(await readdir(out)).not.toContain("roots");
    expect(await readdir(prefixPaths(prefix).store)).toHaveLength(2);
  });

  it("says why the build failed even when nothing can be put back, which the next run does", async () => {
    const { prefix, out, repair } = await nobodysPrefix();
    expect(await repair("repair in vain")).toEqual([
      expect.stringContaining("make failed"),
      expect.stringContaining("could not be removed"),
      expect.stringContaining("could not be put back"),
    ]);
    await chmod(prefixPaths(prefix).store, 0o755);
    await (
      await lockPrefix(prefix, surroundings())
    )();
    expect((await readdir(out)).toSorted()).toEqual(["a", "contents.json", "receipt.json"]);
  });
});

/** A prefix of nobody's with one output, and what nobody is told when he repairs it. */
async function nobodysPrefix() {
  const prefix = await freshPrefix();
  const made = derivation(prefix, "slow");
  await realise(made, writes({ a: "1" }), surroundings());
  await chmod(join(prefix, ".."), 0o755);
  await run("chown", ["-R", "65534:65534", prefix]);
  const repair = async (mode: string): Promise<unknown> =>
    JSON.parse((await run(process.execPath, [script, mode, prefix, "slow"], { uid: 65534, gid: 65534 })).stdout);
  return { prefix, out: made.out, repair };
}
