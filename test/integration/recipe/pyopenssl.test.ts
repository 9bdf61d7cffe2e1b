import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { unpack } from "../../../src/fetch/index.ts";
import { classicOutput, classicSdist, describeWith } from "../../tools/needs.ts";

const recipe = join(import.meta.dirname, "../../../recipes/pyopenssl");
const patch = join(recipe, "patches", "ecdh.patch");

interface Ending {
  readonly exitCode: number;
  readonly output: string;
}

function run(
  [program = "", ...argv]: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Ending> {
  return new Promise((resolve) => {
    execFile(program, argv, options, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr });
    });
  });
}

describeWith(["classic-sdist", "patch"], "the patch that gives pyOpenSSL 0.13.1 curves", () => {
  let source: string;

  beforeAll(async () => {
    source = await mkdtemp(join(tmpdir(), "tlsforge-pyopenssl-"));
    await unpack(classicSdist() ?? "", source, { strip: 1, name: "pyOpenSSL-0.13.1.tar.gz" });
  });

  afterAll(() => rm(source, { recursive: true, force: true }));

  it("applies to the source distribution as it is, and sets the version at both places", async () => {
    const argv = ["patch", "-p1", "--fuzz=0", "--forward", "--batch", "-i", patch];
    const { exitCode, output } = await run(argv, {
      cwd: source,
      env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" },
    });
    expect(output.trim().split("\n")).toEqual([
      "patching file OpenSSL/ssl/context.c",
      "patching file OpenSSL/ssl/ssl.c",
      "patching file OpenSSL/version.py",
      "patching file setup.py",
    ]);
    expect(exitCode).toBe(0);
    for (const file of ["setup.py", "OpenSSL/version.py"]) {
      const text = await readFile(join(source, file), "utf8");
      expect(text.match(/^__version__ = .*$/gm)).toEqual(["__version__ = '0.13.1+ecdh'"]);
    }
  });
});

describeWith(["classic"], "the pyOpenSSL that the stack of 2013 has", () => {
  it(
    "chooses curves, refuses what is none, and neither leaks nor leaves errors behind",
    { timeout: 300_000 },
    async () => {
      const program = join(recipe, "tests", "test_ecdh_curve.py");
      const { exitCode, output } = await run([join(classicOutput("python") ?? "", "bin", "python2.7"), "-s", program], {
        cwd: tmpdir(),
        env: {
          PYTHONPATH: join(classicOutput("pyopenssl") ?? "", "lib", "python2.7", "site-packages"),
          PYTHONDONTWRITEBYTECODE: "1",
        },
      });
      expect(output).toMatch(/^Ran [1-9]\d* tests in [\d.]+s\n\nOK$/m);
      expect(exitCode).toBe(0);
    },
  );
});
