/** Rust's compiler and its build tool. What is on PATH may be rustup's proxy, which needs a home folder; builds get the toolchain behind it. */
import { describeProgram, inRange } from "./tools.ts";
import type { ProgramFacts } from "./tools.ts";
import type { Host } from "./types.ts";

/**
 * Finds a toolchain: the first on PATH whose version is in `range`, then Debian's and Ubuntu's further places (`rustc-1.85`).
 * Gives the real `rustc` and `cargo`, or, when no version fits, the first that is there. Null without any.
 */
export async function findRust(
  host: Host,
  range: string | undefined,
): Promise<{ rustc: ProgramFacts; cargo: ProgramFacts | null } | null> {
  let first: { rustc: ProgramFacts; cargo: ProgramFacts | null } | null = null;
  for (const candidate of await candidates(host)) {
    const toolchain = await describeToolchain(host, candidate);
    if (toolchain === null) continue;
    first ??= toolchain;
    if (range === undefined || (await inRange(toolchain.rustc.version ?? "", range)) === true) return toolchain;
  }
  return first;
}

async function candidates(host: Host): Promise<readonly string[]> {
  const onPath = await host.which("rustc");
  const versioned = (await host.list("/usr/bin")).filter((name) => /^rustc-\d+(?:\.\d+)*$/.test(name)).toReversed();
  const elsewhere = await Promise.all(
    ["/usr/local/bin/rustc", "/usr/bin/rustc", ...versioned.map((name) => `/usr/bin/${name}`)].map((path) =>
      host.which(path),
    ),
  );
  return [...new Set([onPath, ...elsewhere].filter((path) => path !== null))];
}

async function describeToolchain(
  host: Host,
  rustc: string,
): Promise<{ rustc: ProgramFacts; cargo: ProgramFacts | null } | null> {
  const sysroot = await host.exec([rustc, "--print", "sysroot"], { timeoutSeconds: 20 });
  if (sysroot.exitCode !== 0) return null;
  const bin = `${sysroot.stdout.trim()}/bin`;
  const real = (await host.which(`${bin}/rustc`)) ?? rustc;
  const told = await host.exec([real, "-vV"], { timeoutSeconds: 20 });
  if (told.exitCode !== 0) return null;
  const cargo = (await host.which(`${bin}/cargo`)) ?? (await host.which("cargo"));
  return {
    rustc: { path: real, identity: identityOf(told.stdout), version: fieldOf(told.stdout, "release") },
    cargo: cargo === null ? null : await describeProgram(host, "cargo", cargo),
  };
}

/** The first line holds version, commit and date; the target and LLVM's version change the output too. */
function identityOf(told: string): string {
  return `${told.split("\n")[0] ?? "rustc"} ${fieldOf(told, "host") ?? "unknown"} LLVM ${fieldOf(told, "LLVM version") ?? "unknown"}`;
}

function fieldOf(told: string, name: string): string | null {
  return (
    told
      .split("\n")
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2)
      .trim() ?? null
  );
}
