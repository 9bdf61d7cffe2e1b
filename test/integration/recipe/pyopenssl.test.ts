import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, it } from "vitest";
import { unpack } from "../../../src/fetch/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { fetchMain } from "../../tools/sdist.ts";

describeWith(["all", "patch"], "the patch that gives pyOpenSSL 0.13.1 curves", () => {
  let folder: string;
  let source: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tlsforge-pyopenssl-"));
    source = join(folder, "source");
    const { path, name } = await fetchMain("pyopenssl", { version: "0.13.1", cache: join(folder, "cache") });
    await unpack(path, source, { strip: 1, name });
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("applies to the source distribution as it is, and sets the version at both places", async () => {
    const patch = join(import.meta.dirname, "../../../recipes/pyopenssl/patches/ecdh.patch");
    const argv = ["-p1", "--fuzz=0", "--forward", "--batch", "-i", patch];
    const { stdout } = await execa("patch", argv, { cwd: source, env: { LC_ALL: "C" } });
    expect(stdout.trim().split("\n")).toEqual([
      "patching file OpenSSL/ssl/context.c",
      "patching file OpenSSL/ssl/ssl.c",
      "patching file OpenSSL/version.py",
      "patching file setup.py",
    ]);
    for (const file of ["setup.py", "OpenSSL/version.py"]) {
      const text = await readFile(join(source, file), "utf8");
      expect(text.match(/^__version__ = .*$/gm)).toEqual(["__version__ = '0.13.1+ecdh'"]);
    }
  });
});
