import { execFile } from "node:child_process";
import { chmod, lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import {
  activate,
  currentGeneration,
  listGenerations,
  prefixPaths,
  readManifest,
  realise,
  rollbackTo,
  stage,
  switchTo,
  updateManifest,
} from "../../../src/store/index.ts";
import { derivation, freshPrefix, parts, provide, result, surroundings } from "./helpers.ts";

const run = promisify(execFile);

describe("a generation", () => {
  it("shows its outputs as one, shares folders that several have, and reports what hides what", async () => {
    const prefix = await freshPrefix();
    const { conflicts } = await provide(prefix, {
      one: {
        "bin/a": "1",
        "bin/both": "1",
        "lib/libx.so": "1",
        "lib/pkgconfig/x.pc": "1",
        "lib/deep/er/file": "1",
        "include/x/x.h": "1",
      },
      two: { "bin/b": "2", "bin/both": "2", "lib/pkgconfig/y.pc": "2", "share/man/man1/b.1": "2", "etc/conf": "2" },
    });
    const read = (path: string) => readFile(join(prefix, path), "utf8");
    expect(
      await Promise.all(["bin/a", "bin/b", "bin/both", "lib/pkgconfig/x.pc", "lib/pkgconfig/y.pc"].map(read)),
    ).toEqual(["1", "2", "2", "1", "2"]);
    expect(await read("include/x/x.h")).toBe("1");
    expect(await readlink(join(prefix, "current/lib/deep"))).toMatch(/store\/[0-9a-f]{16}-one-1\.0\/lib\/deep$/u);
    expect((await readdir(join(prefix, "current"))).toSorted()).toEqual([
      "bin",
      "include",
      "lib",
      "manifest.json",
      "share",
    ]);
    const shown = { path: "bin/both", shown: join(derivation(prefix, "two").out, "bin/both") };
    expect(conflicts).toEqual([{ ...shown, hidden: join(derivation(prefix, "one").out, "bin/both") }]);
    expect(await readlink(join(prefix, "bin"))).toBe("current/bin");
  });

  it("shows of bin only what can be run", async () => {
    const prefix = await freshPrefix();
    await provide(prefix, { one: { "bin/a": "1", "bin/b": "1" } });
    await chmod(join(derivation(prefix, "one").out, "bin/b"), 0o644);
    await activate(prefix, parts([derivation(prefix, "one")]), surroundings());
    expect(await readdir(join(prefix, "bin"))).toEqual(["a"]);
  });

  it("shows the programs of a virtual environment so that they find it", async () => {
    const prefix = await freshPrefix();
    const made = derivation(prefix, "env");
    // Stands for an interpreter: tells under which path it was started.
    const environment = async ({ out }: { readonly out: string }) => {
      await mkdir(join(out, "bin"));
      await mkdir(join(out, "lib/python3.13"), { recursive: true });
      await writeFile(join(out, "pyvenv.cfg"), "");
      await writeFile(join(out, "bin/real"), '#!/bin/sh\necho "$0" "$@"\n', { mode: 0o755 });
      await symlink("real", join(out, "bin/python"));
      return result;
    };
    await realise(made, environment, surroundings());
    await activate(prefix, parts([made]), surroundings());
    expect((await run(join(prefix, "bin/python"), ["a b"])).stdout).toBe(`${made.out}/bin/python a b\n`);
    expect((await lstat(join(prefix, "current/bin/real"))).isSymbolicLink()).toBe(true);
    expect(await readdir(join(prefix, "lib"))).toEqual([]);
  });

  it("is switched to so that a reader never finds nothing", async () => {
    const prefix = await freshPrefix();
    await provide(prefix, { one: { "bin/tool": "one" } });
    await provide(prefix, { two: { "bin/tool": "two" } });
    let stop = false;
    const seen = new Set<string>();
    const reader = async (): Promise<number> => {
      let reads = 0;
      for (; !stop; reads += 1) seen.add(await readFile(join(prefix, "bin/tool"), "utf8"));
      return reads;
    };
    const reads = reader();
    for (let index = 0; index < 60; index += 1) await switchTo(prefix, 1 + (index % 2), surroundings());
    stop = true;
    expect(await reads).toBeGreaterThan(60);
    expect([...seen].toSorted()).toEqual(["one", "two"]);
  });

  it("can be staged without becoming the current one", async () => {
    const prefix = await freshPrefix();
    await provide(prefix, { one: {} });
    const { manifest } = await stage(prefix, parts([derivation(prefix, "one")]), surroundings());
    expect(manifest.generation).toBe(2);
    expect(await currentGeneration(prefix)).toBe(1);
    expect((await readManifest(prefix, 2))!.generation).toBe(2);
  });

  it("is not made of an output that is gone", async () => {
    const prefix = await freshPrefix();
    const made = activate(prefix, parts([derivation(prefix, "one")]), surroundings());
    await expect(made).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringContaining("one 1.0 is not in the store"),
    });
    expect(await readdir(prefixPaths(prefix).generations)).toEqual([]);
  });

  it("made by several at once gets a number of its own", async () => {
    const prefix = await freshPrefix();
    await provide(prefix, { one: {} });
    const one = parts([derivation(prefix, "one")]);
    const made = await Promise.all(Array.from({ length: 5 }, () => activate(prefix, one, surroundings())));
    expect(made.map(({ manifest }) => manifest.generation).toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5, 6]);
  });
});

describe("rollback", () => {
  it("passes over a generation whose server failed its gate, unless it is named", async () => {
    const prefix = await freshPrefix();
    for (const version of ["1.0", "1.1", "1.2"]) await provide(prefix, { tool: { "bin/tool": version } }, version);
    const report = { grade: "B", gradeTrustIgnored: "B", path: "report.json" };
    await updateManifest(prefix, 2, { report, accepted: false });
    expect((await rollbackTo(prefix, undefined, surroundings())).generation).toBe(1);
    await rollbackTo(prefix, 3, surroundings());
    await updateManifest(prefix, 2, { report, accepted: true });
    expect((await rollbackTo(prefix, undefined, surroundings())).generation).toBe(2);
  });

  it("goes to the generation before, or to any", async () => {
    const prefix = await freshPrefix();
    for (const name of ["one", "two", "three"]) await provide(prefix, { [name]: { "bin/tool": name } });
    expect((await rollbackTo(prefix, undefined, surroundings())).generation).toBe(2);
    expect(await readFile(join(prefix, "bin/tool"), "utf8")).toBe("two");
    expect((await rollbackTo(prefix, 1, surroundings())).generation).toBe(1);
    const listed = (await listGenerations(prefix)).map(({ generation, current }) => [generation, current]);
    expect(listed).toEqual([
      [1, true],
      [2, false],
      [3, false],
    ]);
    await expect(rollbackTo(prefix, undefined, surroundings())).rejects.toThrow("There is no generation before 1");
    await expect(rollbackTo(prefix, 9, surroundings())).rejects.toMatchObject({ code: "not-found" });
  });

  it("refuses when an output is gone, and the current one stays", async () => {
    const prefix = await freshPrefix();
    for (const name of ["one", "two"]) await provide(prefix, { [name]: {} });
    await rm(join(derivation(prefix, "one").out, "receipt.json"));
    await expect(rollbackTo(prefix, 1, surroundings())).rejects.toThrow(
      "Generation 1 cannot become the current one: one 1.0",
    );
    expect(await currentGeneration(prefix)).toBe(2);
  });
});

describe("a manifest", () => {
  it("is null where there is none, and refused when damaged or newer", async () => {
    const prefix = await freshPrefix();
    expect(await readManifest(prefix)).toBeNull();
    expect(await listGenerations(prefix)).toEqual([]);
    await provide(prefix, { one: {} });
    const path = join(prefix, "current/manifest.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace('"layout": 1', '"layout": 2'));
    await expect(readManifest(prefix)).rejects.toMatchObject({ code: "prefix-newer" });
    for (const broken of [text.slice(0, -20), "null", "[]", text.replace('"builds"', '"built"')]) {
      await writeFile(path, broken);
      await expect(readManifest(prefix)).rejects.toMatchObject({ code: "prefix-unusable" });
    }
    expect(await listGenerations(prefix)).toEqual([{ generation: 1, current: true, manifest: null }]);
  });

  it("takes what is known later", async () => {
    const prefix = await freshPrefix();
    const { manifest } = await provide(prefix, { one: {} });
    const report = { grade: "A+", gradeTrustIgnored: "A+", path: "/r.json" };
    await updateManifest(prefix, 1, { report, warnings: ["w"] });
    expect(await readManifest(prefix)).toEqual({ ...manifest, report, warnings: ["w"] });
    await expect(updateManifest(prefix, 7, { report })).rejects.toMatchObject({ code: "not-found" });
  });
});
