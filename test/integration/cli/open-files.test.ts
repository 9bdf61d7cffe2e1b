import { execa } from "execa";
import { expect, it } from "vitest";
import { ForgeError } from "../../../src/errors.ts";
import { explainedOpening } from "../../../src/cli/open-files.ts";
import { describeWith } from "../../tools/needs.ts";

const coded = (code: string): Error => Object.assign(new Error(`${code}: x`), { code });

it("a machine that opens no more files is an error with its remedy; what is no such lack stays what it is", () => {
  expect(explainedOpening(coded("ENFILE"))).toMatchObject({
    code: "requirement-missing",
    hint: expect.stringContaining("fs.file-max") as string,
  });
  for (const error of [coded("ENOENT"), new TypeError("x"), new ForgeError("usage", "x"), "x"])
    expect(explainedOpening(error)).toBe(error);
});

describeWith(["linux"], "the limit of this process", () => {
  it("is said", () => {
    expect(explainedOpening(coded("EMFILE"))).toMatchObject({
      code: "requirement-missing",
      message: expect.stringMatching(/^this process may open no more files than \d+: EMFILE/) as string,
    });
  });

  it("is no mistake in a file that the user named", async () => {
    const files = new URL("../../../src/cli/files.ts", import.meta.url).href;
    const program = `
      import { openSync } from "node:fs";
      import { readTextIfThere } from ${JSON.stringify(files)};
      process.stdout.write("");
      try { for (;;) openSync("/dev/null", "r"); } catch {}
      await readTextIfThere("/proc/version").catch(({ code }) => process.stdout.write(code));`;
    const argv = ["-c", 'ulimit -n 64; exec "$@"', "sh", process.execPath, "--input-type=module", "-e", program];
    expect((await execa("sh", argv)).stdout).toBe("requirement-missing");
  });
});
