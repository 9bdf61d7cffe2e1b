import { mkdtemp, readdir, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { ForgeError } from "../../../src/errors.ts";

export * from "./hello.ts";

/** A fresh folder that goes when the test has finished. */
export async function freshFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "forge-build-")));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The ForgeError of a build that must fail. */
export async function failureOf(build: Promise<unknown>): Promise<ForgeError> {
  const error = await build.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ForgeError);
  return error as ForgeError;
}

/** Processes whose command line holds a text. */
export async function processesWith(text: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name));
  const found: number[] = [];
  for (const pid of pids) {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (line.includes(text)) found.push(Number(pid));
  }
  return found;
}

/** Everything in a prefix that a build might have left: outputs without receipt, scratch folders, temporary files. */
export async function leftovers(prefix: string): Promise<string[]> {
  const entries = await readdir(prefix, { recursive: true });
  const below = entries.filter((entry) => /^(?:build|store)\/[^/]+$/u.test(entry));
  const whole = new Set(entries.filter((entry) => entry.endsWith("/receipt.json")).map((entry) => entry.slice(0, -13)));
  return below.filter((entry) => !whole.has(entry)).concat(entries.filter((entry) => entry.includes(".tmp-")));
}
