/** What tlsforge itself writes and reads for a build stays within the build's folders, whatever the build has put there. */
import { closeSync, constants, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { checkExports } from "../../../src/build/gates/exports.ts";
import { makeOwnFolder, readOwnFile, writeOwnFile } from "../../../src/build/own-files.ts";
import type { FileSpec, ResolvedRecipe } from "../../../src/recipe/index.ts";
import { readFailed } from "../../../src/store/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { derivationOf, failureOf, freshFolder, logOf, make, prepare, programs, scratchOf } from "./helpers.ts";

describeWith(["linux"], "what tlsforge itself does for a build", () => {
  /** A project, and a folder beside its prefix with a secret. */
  async function place() {
    const folder = await freshFolder();
    const outside = join(folder, "outside");
    mkdirSync(outside);
    await writeFile(join(outside, "secret"), "secret\n");
    const untouched = (): void => {
      expect(readdirSync(outside)).toEqual(["secret"]);
      expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret\n");
    };
    return { project: await prepare(folder), outside, untouched };
  }

  const filesAfter = (text: string, file: FileSpec): Partial<ResolvedRecipe> => ({
    ...programs(),
    steps: [
      { kind: "run", argv: ["sh", "-c", text] },
      { kind: "files", files: [file] },
    ],
  });
  const configure = (text: string): Partial<ResolvedRecipe> => ({
    ...programs(),
    steps: [{ kind: "configure", argv: ["sh", "-c", text] }],
  });

  it.each<readonly [string, string, FileSpec]>([
    ["a folder of the output", "ln -s OUTSIDE ${out}/etc", { to: "${out}/etc/x", content: "x" }],
    ["a folder further up", "ln -s OUTSIDE ${out}/etc", { to: "${out}/etc/deep/x", content: "x" }],
    ["a folder that is copied to", "ln -s OUTSIDE ${out}/share", { to: "${out}/share", from: "files/share" }],
    ["one inside of it", "mkdir ${out}/s; ln -s OUTSIDE ${out}/s/deep", { to: "${out}/s", from: "files/share" }],
    ["one that is not there", "ln -s OUTSIDE/new ${out}/etc", { to: "${out}/etc/x", content: "x" }],
    ["the build's folder", "ln -s OUTSIDE ${build}/y", { to: "${build}/y/x", content: "x" }],
  ])("puts no file through a link at %s", async (_, text, file) => {
    const { project, outside, untouched } = await place();
    const error = await failureOf(make(project, { recipe: filesAfter(text.replaceAll("OUTSIDE", outside), file) }));
    untouched();
    expect(error).toMatchObject({ code: "build-failed" });
    expect(error.message).toMatch(/ cannot be put in place: .* (?:outside of the output|is a link to nowhere)/u);
  });

  it("puts no file where its name does not lie in the build's folders", async () => {
    const { project, outside, untouched } = await place();
    for (const to of [join(outside, "x"), "${out}/../x", "${build}/../../outside/x", "${out}"]) {
      const error = await failureOf(make(project, { recipe: filesAfter("true", { to, content: "x" }) }));
      expect(error).toMatchObject({
        code: "recipe-invalid",
        message: expect.stringMatching(/^hello [\d.]+: step \d of \d \(.*\) failed: .* is outside of /u),
        hint: expect.stringMatching(/; the whole log: \/.*\.log$/u),
      });
    }
    untouched();
    expect(readdirSync(project.prefix)).not.toContain("x");
  });

  it("puts a file in place of a link of its name, and follows one to a folder of the build", async () => {
    const { project, outside, untouched } = await place();
    const text = `ln -s ${outside}/secret \${out}/a; mkdir \${out}/lib; ln -s lib \${out}/lib64`;
    const recipe: Partial<ResolvedRecipe> = {
      ...filesAfter(text, { to: "${out}/a", content: "own", mode: "600" }),
    };
    const more = { kind: "files", files: [{ to: "${out}/lib64/deep/b", content: "b" }] } as const;
    const { derivation } = await make(project, { recipe: { ...recipe, steps: [...(recipe.steps ?? []), more] } });
    untouched();
    expect(lstatSync(join(derivation.out, "a")).isFile()).toBe(true);
    expect(statSync(join(derivation.out, "a")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(derivation.out, "lib/deep/b"), "utf8")).toBe("b");
  });

  it("says that something else is where a file or a folder is to be", async () => {
    const own = { out: await freshFolder(), scratch: await freshFolder() };
    mkdirSync(join(own.out, "folder"));
    await writeFile(join(own.out, "file"), "");
    const put = (name: string): Promise<void> => writeOwnFile(join(own.out, name), "", { own, mode: 0o644 });
    expect((await failureOf(put("folder"))).message).toMatch(/folder cannot be put in place: it is a folder$/u);
    expect((await failureOf(put("file/x"))).message).toMatch(/file is no folder$/u);
    await symlink(own.scratch, join(own.out, "other"));
    expect(await makeOwnFolder(join(own.out, "other/x"), own)).toBe(join(own.scratch, "x"));
  });

  it("keeps no failed build by writing through a link that this one made", async () => {
    const { project, outside, untouched } = await place();
    const recipe = programs(["sh", "-c", `rm -rf bin; ln -s ${outside} bin; exit 1`]);
    const events: string[] = [];
    await failureOf(
      make(project, {
        recipe,
        keepFailed: true,
        onEvent: (event) => event.type === "warning" && events.push(event.message),
      }),
    );
    untouched();
    expect(events).toEqual([expect.stringMatching(/^the failed build's folder is not kept: .*bin leads to/u)]);
    expect(await readFailed(scratchOf(derivationOf(project, { recipe })))).toBeNull();
  });

  it.each([
    ["a link to a file", "ln -s OUTSIDE/secret config.log"],
    ["a file behind a link to a folder", "cd ..; rm -rf source; ln -s OUTSIDE source"],
    ["a link to a device", "ln -s /dev/null config.log"],
  ])("shows no config.log in the log that is %s", async (_, text) => {
    const { project, outside } = await place();
    await writeFile(join(outside, "config.log"), "secret\n");
    const recipe = { ...configure(`${text.replaceAll("OUTSIDE", outside)}; exit 1`), sources: project.recipe.sources };
    expect(await failureOf(make(project, { recipe }))).toMatchObject({ code: "build-failed" });
    expect(logOf(derivationOf(project, { recipe }))).not.toMatch(/^secret|end of its config.log/mu);
  });

  it("does not wait for somebody who writes into a config.log that is a pipe", async () => {
    const { project } = await place();
    const recipe = configure("mkfifo config.log; echo x >later; exit 1");
    const pipe = join(scratchOf(derivationOf(project, { recipe })), "config.log");
    // Whoever waits for it all the same is let go, so that this test fails instead of hanging.
    let waited = false;
    const release = setInterval(() => {
      try {
        closeSync(openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK));
        waited = true;
      } catch {
        // Nobody reads from it, or it is gone.
      }
    }, 500);
    onTestFinished(() => clearInterval(release));
    expect(await failureOf(make(project, { recipe }))).toMatchObject({ code: "build-failed" });
    expect(waited).toBe(false);
  });

  it("reads of a file no more than its end", async () => {
    const own = { out: await freshFolder(), scratch: await freshFolder() };
    const file = join(own.scratch, "config.log");
    await writeFile(file, "beginning and end");
    expect(String(await readOwnFile(file, { own, most: 3 }))).toBe("end");
    expect(String(await readOwnFile(file, { own, most: 100 }))).toBe("beginning and end");
    await truncate(file, 2 ** 40);
    expect((await readOwnFile(file, { own, most: 100 }))?.length).toBe(100);
    expect(await readOwnFile(join(own.scratch, "none"), { own, most: 3 })).toBeNull();
    expect(await readOwnFile("/etc/passwd", { own, most: 3 })).toBeNull();
  });

  it("judges no library by another one that a link of the output leads to", async () => {
    const { outside } = await place();
    const out = await freshFolder();
    await symlink(join(outside, "secret"), join(out, "x.so"));
    mkdirSync(join(out, "folder.so"));
    const wanted = { soname: "x.so", versions: "X_*" };
    const result = checkExports({ out, libraries: { "x.so": wanted, "folder.so": wanted } });
    expect(result).toMatchObject({
      outcome: "fail",
      findings: [`x.so: leads to ${outside}/secret, which is not of this output`, "folder.so: is no library"],
    });
  });

  it("looks at the output again after gates have run programs that may write to it", async () => {
    const { project, outside } = await place();
    const gates = [{ kind: "run", name: "writes", argv: ["ln", "-s", outside, "${out}/late"], expect: "" }] as const;
    const error = await failureOf(make(project, { recipe: { ...programs(["touch", "${out}/x"]), gates } }));
    expect(error.message).toContain('gate "contents": 1 of 2 files, folders and links');
    expect(error.details).toEqual([expect.stringMatching(/^late: is a link to .*outside, outside of the output/u)]);
  });
});
