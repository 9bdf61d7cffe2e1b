import { mkdir } from "node:fs/promises";
import { expect, it } from "vitest";
import { gc } from "../../../src/cli/commands/gc.ts";
import { openPrefix, prefixPaths, scratchPath, writeFailed } from "../../../src/store/index.ts";
import { contextIn, freshFolder } from "./context.ts";

it("gc names the program as it was called, in its text alone", async () => {
  const context = { ...contextIn(await freshFolder()), program: "bin/it" };
  const { path: prefix } = await openPrefix(context.options.prefix, { create: true });
  const key = "a".repeat(64);
  const scratch = scratchPath(prefix, { key, recipe: "hello" });
  await mkdir(scratch, { recursive: true });
  const out = `${prefixPaths(prefix).store}/${key.slice(0, 16)}-hello-1.0`;
  await writeFailed(scratch, {
    schema: "tlsforge.failed/1",
    recipe: "hello",
    version: "1.0",
    key,
    out,
    log: "/log",
    reason: "failed",
    argv: null,
    directory: scratch,
    environment: {},
    failed: "2026-01-01T00:00:00.000Z",
  });
  const { text, fields } = await gc(context, { dryRun: true });
  expect(text).toContain("keeps it for bin/it shell hello, until bin/it gc --failed,");
  expect(JSON.stringify(fields)).toContain("for tlsforge shell hello, until tlsforge gc --failed,");
});
