import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checkContents } from "../../../src/build/gates/contents.ts";
import { checkExports } from "../../../src/build/gates/exports.ts";
import { checkLinkage } from "../../../src/build/gates/linkage.ts";
import { freshFolder } from "./helpers.ts";

it.each(["contents.json", "receipt.json"])(
  "a package's own %s at the top of its output is not replaced but refused",
  async (name) => {
    const put = [(file: string) => writeFile(file, "{}"), mkdir, (file: string) => symlink("a", file)];
    for (const make of put) {
      const out = await freshFolder();
      await mkdir(join(out, "a"));
      await writeFile(join(out, "a", name), "{}");
      expect(checkContents({ out, inputs: [] })).toMatchObject({ outcome: "pass" });
      await make(join(out, name));
      expect(checkContents({ out, inputs: [] })).toMatchObject({
        outcome: "fail",
        findings: [
          `${name}: tlsforge writes a file of this name there itself: have it installed into a folder of the output`,
        ],
      });
    }
  },
);

const names = Array.from({ length: 23 }, (_, nth) => `file${nth}`);

it.each([
  [
    "linkage",
    (name: string) => writeFile(name, "\x7fELF"),
    (out: string) => checkLinkage({ out, inputs: [], system: [] }),
  ],
  ["contents", (name: string) => symlink("nowhere", name), (out: string) => checkContents({ out, inputs: [] })],
  [
    "exports",
    () => Promise.resolve(),
    (out: string) =>
      checkExports({
        out,
        libraries: Object.fromEntries(names.map((name) => [name, { soname: name, versions: "A_*" }])),
      }),
  ],
] as const)("%s tells the first 20 findings and how many more there are", async (_, put, check) => {
  const out = await freshFolder();
  for (const name of names) await put(join(out, name));
  const result = check(out);
  expect(result.outcome).toBe("fail");
  const findings = "findings" in result ? result.findings : [];
  expect(findings).toHaveLength(21);
  expect(findings.at(-1)).toBe("and 3 more");
});
