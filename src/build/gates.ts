import { lstat, open, readdir, readFile, realpath } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../errors.ts";
import type { Gate } from "../recipe/index.ts";
import { isElf, readElf, type ElfDynamic } from "./elf.ts";
import { runCommand, type CommandSink } from "./run.ts";
import type { BuildContext } from "./types.ts";

/** What a gate found: a line for the receipt when it holds, the finding and what to do when it does not. */
export type GateResult =
  | { readonly outcome: "pass"; readonly detail: string }
  | { readonly outcome: "fail"; readonly detail: string; readonly findings: readonly string[]; readonly hint: string };

/** How a gate's variables are replaced and where its output goes. */
interface GateTools {
  readonly expand: (text: string) => string;
  /** The same for a regular expression: values stand for themselves. */
  readonly expandPattern: (text: string) => string;
  readonly sink: CommandSink;
}

/** Checks one gate on the finished output. Programs run in an empty environment, as a stranger's shell would run them. */
export async function checkGate(gate: Gate, context: BuildContext, tools: GateTools): Promise<GateResult> {
  const out = context.derivation.out;
  switch (gate.kind) {
    case "exists": {
      const missing: string[] = [];
      for (const file of gate.files.map(tools.expand)) {
        if ((await lstat(path.resolve(out, file)).catch(absent)) === null) missing.push(file);
      }
      return missing.length === 0
        ? { outcome: "pass", detail: `${gate.files.length} files are there` }
        : {
            outcome: "fail",
            detail: "files are missing",
            findings: missing,
            hint: "see in the log why they were not built",
          };
    }
    case "run": {
      const argv = gate.argv.map(tools.expand);
      const result = await runCommand({ argv, directory: context.scratch, environment: {} }, tools.sink);
      const output = result.tail.join("\n");
      const pattern = new RegExp(tools.expandPattern(gate.expect), "m");
      if (result.exitCode === 0 && pattern.test(output))
        return { outcome: "pass", detail: output.split("\n").slice(0, 3).join("; ").slice(0, 200) };
      return {
        outcome: "fail",
        detail:
          result.exitCode === 0 ? `its output does not match ${pattern}` : `exit ${result.exitCode ?? "by a signal"}`,
        findings: [`$ ${argv.join(" ")}`, ...result.tail.slice(-12)],
        hint: "run the command by hand with `env -i` to see what it lacks",
      };
    }
    case "linkage":
      return checkLinkage({
        out,
        store: path.join(context.derivation.prefix, "store"),
        system: gate.system.map(tools.expand),
      });
  }
}

/**
 * Every ELF file under `out`: each needed library is on the list of system libraries, or is found through the file's own run paths inside
 * the store; run paths are absolute and inside the store. Nothing is executed.
 */
export async function checkLinkage(check: {
  readonly out: string;
  readonly store: string;
  readonly system: readonly string[];
}): Promise<GateResult> {
  const findings: string[] = [];
  let files = 0;
  for await (const file of elfFiles(check.out)) {
    files += 1;
    const name = path.relative(check.out, file.path);
    const runPaths = file.elf.runpath.length > 0 ? file.elf.runpath : file.elf.rpath;
    for (const runPath of runPaths) {
      if (!path.isAbsolute(runPath) || !inside(path.normalize(runPath), check.store)) {
        findings.push(
          `${name}: run path ${runPath === "" ? "(empty: the current folder)" : runPath} is not an absolute path inside the store`,
        );
      }
    }
    for (const needed of file.elf.needed) {
      const own = await findLibrary(needed, runPaths);
      if (own !== null) {
        if (!inside(await realpath(own), check.store))
          findings.push(`${name}: ${needed} resolves to ${own}, outside of the store`);
      } else if (!check.system.includes(needed)) {
        findings.push(
          `${name}: needs ${needed}, which is neither in its run paths nor on the recipe's list of system libraries`,
        );
      }
    }
  }
  if (files === 0)
    return {
      outcome: "fail",
      detail: "there is no ELF file to check",
      findings: [],
      hint: "remove the gate, or see why nothing was built",
    };
  if (findings.length === 0) return { outcome: "pass", detail: `${files} ELF files` };
  return {
    outcome: "fail",
    detail: `${findings.length} findings in ${files} ELF files`,
    findings: findings.slice(0, 20),
    hint: "link with -Wl,-rpath,<folder in the store>, or add the library to the gate's list when it is the system's on purpose",
  };
}

async function findLibrary(name: string, runPaths: readonly string[]): Promise<string | null> {
  for (const folder of runPaths) {
    const candidate = path.join(folder, name);
    if ((await lstat(candidate).catch(absent)) !== null) return candidate;
  }
  return null;
}

async function* elfFiles(folder: string): AsyncGenerator<{ readonly path: string; readonly elf: ElfDynamic }> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* elfFiles(file);
    else if (entry.isFile() && (await beginsLikeElf(file))) {
      const elf = readElf(await readFile(file));
      if (elf !== null) yield { path: file, elf };
    }
  }
}

async function beginsLikeElf(file: string): Promise<boolean> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && isElf(buffer);
  } finally {
    await handle.close();
  }
}

function inside(file: string, folder: string): boolean {
  return file === folder || file.startsWith(`${folder}/`);
}

function absent(error: unknown): null {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") return null;
  throw new ForgeError("gate-failed", `a file of the output cannot be looked at: ${String(code)}`, { cause: error });
}
