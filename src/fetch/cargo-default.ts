import { join } from "node:path";
import { chunksOf } from "./digest.ts";
import { errnoOf } from "./problems.ts";

/**
 * The sparse index that cargo uses when nothing is configured, read from a cargo at hand, which carries it as a constant; null when it cannot be
 * found. `cargo`: path of the program, which may be rustup's stand-in; `rustc`: the compiler beside it, which knows where the real ones are.
 */
export async function cargoDefaultIndex({
  cargo,
  rustc,
}: {
  readonly cargo: string;
  readonly rustc: string | undefined;
}): Promise<string | null> {
  return (await inProgram(cargo)) ?? (rustc === undefined ? null : inProgram(await besideCompiler(rustc)));
}

async function besideCompiler(rustc: string): Promise<string> {
  const { execa } = await import("execa");
  const { stdout } = await execa(rustc, ["--print", "sysroot"], { reject: false, stdin: "ignore", timeout: 20_000 });
  return join((stdout ?? "").trim(), "bin", "cargo");
}

const longest = 256;

async function inProgram(file: string): Promise<string | null> {
  let before = "";
  try {
    for await (const chunk of chunksOf(file)) {
      const text = before + chunk.toString("latin1");
      const found = /sparse\+https:\/\/[a-z0-9.-]+\//.exec(text)?.[0];
      if (found !== undefined) return found;
      before = text.slice(-longest);
    }
  } catch (error) {
    if (!["ENOENT", "ENOTDIR", "EACCES"].includes(errnoOf(error) ?? "")) throw error;
  }
  return null;
}
