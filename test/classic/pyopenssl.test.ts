import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { expect, it } from "vitest";
import { root } from "../tools/checkout.ts";
import { outputOf } from "./prefix.ts";

it("the pyOpenSSL of 2013 chooses curves, refuses what is none, and neither leaks nor leaves errors behind", async () => {
  const program = join(root, "recipes/pyopenssl/tests/test_ecdh_curve.py");
  const { all, exitCode } = await execa(join(outputOf("python"), "bin", "python2.7"), ["-s", program], {
    cwd: tmpdir(),
    all: true,
    reject: false,
    extendEnv: false,
    env: {
      PYTHONPATH: join(outputOf("pyopenssl"), "lib/python2.7/site-packages"),
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
  expect(all).toMatch(/^Ran [1-9]\d* tests in [\d.]+s\n\nOK$/m);
  expect(exitCode).toBe(0);
});
