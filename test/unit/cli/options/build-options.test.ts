import { expect, it } from "vitest";
import { buildRequest } from "../../../../src/cli/options/build-options.ts";
import type { Context } from "../../../../src/cli/context.ts";

it("tests that are named in several places for one recipe are all run, each once", () => {
  const checkTests = ["openssl=test_sha,test_rsa", "python=test_ssl", "openssl=test_ec,test_sha"];
  const { tests } = buildRequest([], { checkTests }, { cwd: "/" } as Context);
  expect(tests).toEqual({ named: { openssl: ["test_sha", "test_rsa", "test_ec"], python: ["test_ssl"] } });
});
