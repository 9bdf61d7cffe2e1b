import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { binaryPath, fetchBinary } from "../../tools/fleet/binaries.ts";

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "fleet-"));
  vi.stubEnv("HOME", home);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

it("an archive with another digest is not unpacked, and nothing of it stays", async () => {
  const bin = join(home, "bin");
  await mkdir(bin);
  // Stands in for npm: leaves an archive where it was told to.
  await writeFile(join(bin, "npm"), '#!/bin/sh\nprintf "not it" >"$4/node.tgz"\n');
  await chmod(join(bin, "npm"), 0o755);
  vi.stubEnv("PATH", `${bin}${delimiter}${process.env["PATH"] ?? ""}`);
  await expect(fetchBinary("node-0.12.13")).rejects.toThrow("the archive has another digest");
  expect(existsSync(binaryPath("node-0.12.13"))).toBe(false);
  expect(await readdir(join(home, ".cache", "tlsforge-fleet"))).toEqual([]);
});

it("a program that is there is not fetched again", async () => {
  vi.stubEnv("PATH", home);
  const path = binaryPath("node-0.12.13");
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, "");
  expect(await fetchBinary("node-0.12.13")).toBe(path);
});
