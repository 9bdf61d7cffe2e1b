import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { onTestFinished } from "vitest";
import type { Context } from "../../../src/cli/context.ts";

/** A folder that goes when the test is over. */
export async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tlsforge-cli-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What a command gets on this machine, with every path below `folder`. */
export function contextIn(folder: string): Context {
  return {
    version: "0.0.0",
    executable: "tlsforge",
    program: "tlsforge",
    recipes: join(folder, "recipes"),
    environment: { PATH: process.env["PATH"] },
    platform: { os: "linux", arch: "x86_64", libc: "gnu" },
    machine: "linux x64",
    code: import.meta.dirname,
    helper: [process.execPath, join(import.meta.dirname, "../../../src/host/root-helper.ts")],
    cwd: folder,
    home: folder,
    uid: process.getuid?.() ?? -1,
    interactive: false,
    columns: 80,
    onTerminal: false,
    emit: () => undefined,
    signal: new AbortController().signal,
    onHangUp: () => undefined,
    confirm: () => Promise.resolve(false),
    write: async () => undefined,
    input: () => Readable.from([]),
    options: {
      prefix: join(folder, "prefix"),
      config: null,
      json: false,
      yes: false,
      jobs: 1,
      wait: false,
      quiet: false,
      verbose: false,
      colour: false,
      exposed: false,
    },
  };
}
