import { readFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { refusalIn, type Refusal } from "./refusal.ts";
import type { Command, CommandSink } from "../run.ts";
import { namedFiles, sealFolders, type SealFolders } from "./folders.ts";
import { reasonOf, requireSeal, sealPaths, sealText, type Seal } from "./seal.ts";
import type { BuildContext } from "../types.ts";

/** The seal of one build. */
export interface Sealed {
  /** For the receipt. */
  readonly grade: Seal["grade"];
  readonly text: string;
  readonly wrap: CommandSink["wrap"];
  /** What the seal has refused to a command that failed, from its output; null when nothing shows. */
  readonly refusal: (lines: readonly string[], command: Pick<Command, "network">) => Refusal | null;
}

/**
 * Puts the machine's seal around this build's folders, and tries it. What works around nothing and does not around these folders is left out,
 * said as a warning and in the receipt. Throws ForgeError `sandbox-missing` for that when the sandbox is required. `patience`: milliseconds for
 * the trial.
 */
export async function sealBuild(context: BuildContext, patience = 20_000): Promise<Sealed> {
  const { seal, emit } = context;
  if (context.requireSandbox === true) requireSeal(seal);
  if (seal.grade === "none") return unsealed(seal);
  const folders = sealFolders(context, extraFiles(context));
  const { argv, environment } = wrapped(context, folders, {
    argv: ["true"],
    directory: context.scratch,
    environment: {},
  });
  const [program = "", ...words] = argv;
  const trial = await execa(program, words, {
    env: { PATH: "/usr/bin:/bin", ...environment },
    extendEnv: false,
    reject: false,
    stdin: "ignore",
    timeout: patience,
    // The seal itself lets others pass by.
    killSignal: "SIGKILL",
  });
  if (trial.exitCode === 0) {
    return {
      grade: seal.grade,
      text: sealText(seal),
      wrap: (command) => wrapped(context, folders, command),
      refusal: (lines, { network }) =>
        refusalIn(lines, {
          ...folders,
          network: network === true && context.offline !== true ? "open" : seal.network,
          declared: network === true,
        }),
    };
  }
  const refused = [trial.timedOut ? `its trial did not end within ${patience / 1000} s` : reasonOf(trial.stderr)];
  const none: Seal = { ...seal, grade: "none", network: "open", refused, command: [] };
  if (context.requireSandbox === true) requireSeal(none);
  emit({ type: "warning", message: `${context.derivation.recipe.name}: its build is ${sealText(none)}` });
  return unsealed(none);
}

function unsealed(seal: Seal): Sealed {
  return { grade: seal.grade, text: sealText(seal), wrap: (command) => command, refusal: () => null };
}

function wrapped(
  { seal, offline }: BuildContext,
  folders: SealFolders,
  { argv, directory, environment, network }: Command,
): ReturnType<Sealed["wrap"]> {
  const open = network === true && offline !== true;
  const read = open ? [...folders.read, ...resolverFolders()] : folders.read;
  return {
    argv: [...seal.command, ...(open ? ["--network"] : []), "--", ...argv],
    environment: { ...environment, ...sealPaths({ ...folders, read, in: [directory] }) },
  };
}

/** Where names are looked up: often a link into a folder that is hidden. */
function resolverFolders(): readonly string[] {
  return namedFiles(["/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager"]);
}

/** Certificates, registries on disk and whatever else the passed part of the caller's settings names. */
function extraFiles({ passThrough, scratch }: BuildContext): readonly string[] {
  let cargo = "";
  try {
    cargo = readFileSync(path.join(scratch, ".cargo", "config.toml"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return namedFiles([...Object.values(passThrough), cargo]);
}
