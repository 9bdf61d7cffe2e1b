import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Check } from "../../../src/cli/checks.ts";
import { doctor } from "../../../src/cli/commands/doctor.ts";
import { contextIn, freshFolder } from "./context.ts";

it("looks at everything else when the versions cannot be told without the network", async () => {
  const folder = await freshFolder();
  await mkdir(join(folder, "recipes", "hello"), { recursive: true });
  await mkdir(join(folder, "recipes", "stacks"));
  // Nothing listens on port 1 of this machine.
  await writeFile(
    join(folder, "recipes", "hello", "recipe.yaml"),
    `schema: tlsforge.recipe/1
name: hello
summary: says hello
homepage: https://example.org
license: MIT
weight: 1
versions:
  - version: "1.0.0"
    support: { status: supported }
    sources:
      - sha256: ${"ab".repeat(32)}
        locations: [{ url: "http://127.0.0.1:1/hello.tar.gz" }]
requirements:
  - program: no-such-tool
steps:
  - run: ["true"]
`,
  );
  await writeFile(
    join(folder, "recipes", "stacks", "small.yaml"),
    'schema: tlsforge.stack/1\nname: small\nsummary: small\nrecipes: { hello: "*" }\nserver: hello\nopenssl: hello\npython: hello\n',
  );
  const config = join(folder, "tlsforge.yaml");
  await writeFile(config, "stack: small\n");
  const context = contextIn(folder);
  const asked = { deep: false, repair: false, places: { sources: {}, offline: false } };
  const result = await doctor({ ...context, options: { ...context.options, config } }, asked);
  const checks = result.fields["checks"] as readonly Check[];
  expect(checks.map(({ id, outcome }) => [id, outcome])).toEqual([
    ["requirements", "unknown"],
    // Here is no seal.pl where the program runs from.
    ["sandbox", "info"],
    ["generation", "fail"],
    ["server", "fail"],
  ]);
  expect(checks[0]?.message).toContain("no version of hello can be had");
  expect(checks[0]?.fix).toContain("check the network");
  expect(result).toMatchObject({ outcome: "failed", exitCode: 1 });
});
