import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openPrefix } from "../../../src/store/index.ts";

export * from "./samples.ts";

/** A fresh folder that goes when the test has finished. */
export async function freshFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "forge-")));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A fresh prefix. */
export async function freshPrefix(): Promise<string> {
  return (await openPrefix(join(await freshFolder(), "p"), { create: true })).path;
}
