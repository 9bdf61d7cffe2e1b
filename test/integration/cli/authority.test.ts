/** Whose certificates a prefix serves: only its own authority's are there to be trusted. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { authorityFile } from "../../../src/cli/unchanged/quick.ts";
import { serverPaths } from "../../../src/server/light.ts";
import { freshFolder } from "./context.ts";

test.each([
  ["its own", (tls: string) => join(tls, "leaf/cert.pem"), true],
  ["a folder's", () => "/etc/tls/site.pem", false],
])("%s", async (_whose, chain, isOurs) => {
  const prefix = await freshFolder();
  const { tls, config } = serverPaths(prefix);
  const file = join(tls, "ca/cert.pem");
  await mkdir(dirname(file), { recursive: true });
  await mkdir(dirname(config), { recursive: true });
  await writeFile(file, "");
  await writeFile(config, JSON.stringify({ certificates: [{ chain: chain(tls), key: "" }] }));
  expect(authorityFile(prefix, {})).toBe(isOurs ? file : null);
});
