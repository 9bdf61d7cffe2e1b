/** Sources that become others between the look at them and the build. */
import { lstatSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Source } from "../../../src/recipe/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { failureOf, freshFolder, leftovers, make, prepare, programs, type Project } from "./helpers.ts";

/** The project with its source unpacked this way, and a step that leaves a trace in the folder. */
async function projectWith(
  unpack: Source["unpack"],
): Promise<Project & { readonly source: Source; readonly file: string }> {
  const project = await prepare(await freshFolder());
  const [fetched = expect.fail()] = project.sources;
  const source = { ...fetched.source, unpack };
  return { ...project, sources: [{ ...fetched, source }], source, file: fetched.path };
}

describeWith(["linux"], "a source that was exchanged", () => {
  it.each([["main"], ["none"], [{ folder: "deps/one" }]] as const)(
    "after it was looked at is not built from (unpack: %j)",
    async (unpack) => {
      const { source, file, ...project } = await projectWith(unpack);
      const trace = join(await freshFolder(), "trace");
      writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from("more")]));
      const recipe = { ...programs(["touch", trace]), sources: [source] };
      expect(await failureOf(make(project, { recipe }))).toMatchObject({
        code: "source-mismatch",
        message: expect.stringMatching(`^\\S+ [\\d.]+: unpacking its sources failed: .*${file} has changed`),
        hint: expect.stringMatching(/; the whole log: \/.*\.log$/u),
      });
      expect(lstatSync(trace, { throwIfNoEntry: false })).toBeUndefined();
      expect(await leftovers(project.prefix)).toEqual([]);
    },
  );

  it("while it is built from changes nothing: a file that is not unpacked is a copy", async () => {
    const { source, file, ...project } = await projectWith("none");
    const right = readFileSync(file);
    const copied = ["cp", "-P", `\${dist}/${source.file}`, "${out}"];
    const recipe = { ...programs(["sleep", "0.3"], copied), sources: [source] };
    const { derivation } = await make(project, {
      recipe,
      onEvent: (event) => {
        if (event.type === "build-step" && event.index === 0) writeFileSync(file, "exchanged");
      },
    });
    const made = join(derivation.out, source.file);
    expect([lstatSync(made).isFile(), readFileSync(made)]).toEqual([true, right]);
  });
});
