import { readFileSync, readlinkSync } from "node:fs";
import path from "node:path";
import { refusalIn, type Refusal } from "./refusal.ts";
import type { Command, CommandSink } from "../run.ts";
import { foldersFor, namedFiles, sealFolders, type Needs, type SealFolders } from "./folders.ts";
import { requireNoNetwork, requireSeal, sealPaths, sealText, type Seal } from "./seal.ts";
import { trySeal } from "./trial.ts";
import { onlineSteps } from "../steps.ts";
import type { BuildContext } from "../types.ts";

/** The seal of one build. */
export interface Sealed {
  /** For the receipt. */
  readonly grade: Seal["grade"];
  readonly text: string;
  readonly wrap: CommandSink["wrap"];
  /** What the build sees below what is hidden, found before its first step: for a shell that sees it again. */
  readonly seen: readonly string[];
  /** What the seal has refused to a command that failed, from its output; null when nothing shows. */
  readonly refusal: (lines: readonly string[], command: Pick<Command, "network">) => Refusal | null;
}

/** What is sealed: with what, around which folders, and whether it is somebody's shell. */
interface Place {
  readonly seal: Seal;
  readonly folders: SealFolders;
  /** One of them, for the trial. */
  readonly directory: string;
  readonly offline: boolean;
  readonly shell?: true;
}

/**
 * Puts the machine's seal around this build's folders, and tries it. What works around nothing and does not around these folders is left out,
 * said as a warning and in the receipt. Throws ForgeError `sandbox-missing` for that, and for a step that has the network, when the sandbox is
 * required, `build-failed` where the trial has no answer, and `interrupted`. `patience`: milliseconds for the trial.
 */
export async function sealBuild(context: BuildContext, patience = 20_000): Promise<Sealed> {
  const { seal, scratch, emit } = context;
  const { name, steps } = context.derivation.recipe;
  const online = onlineSteps(steps, context.offline);
  if (context.requireSandbox === true) {
    requireSeal(seal);
    requireNoNetwork(online.map((step) => `${name}: ${step}`));
  }
  if (seal.grade === "none") return unsealed(seal);
  const folders = sealFolders(context, extraFiles(context));
  const place = { seal, folders, directory: scratch, offline: context.offline === true };
  const fitting = await fit(place, patience, context.signal);
  if (fitting.grade === "none") {
    if (context.requireSandbox === true) requireSeal(fitting);
    emit({ type: "warning", message: `${name}: its build is ${sealText(fitting)}` });
    return unsealed(fitting);
  }
  return {
    grade: seal.grade,
    text: sealText(seal, online),
    wrap: (command) => wrapped(place, command),
    seen: folders.read,
    refusal: (lines, { network }) =>
      refusalIn(lines, {
        ...folders,
        network: network === true && context.offline !== true ? "open" : seal.network,
        declared: network === true,
      }),
  };
}

/** Seals the shell of a build as its steps were. `directory` is where it runs, one of its own. */
export async function sealShell(
  seal: Seal,
  needs: Omit<Needs, "homes"> & { readonly directory: string; readonly signal: AbortSignal },
): Promise<Pick<Sealed, "grade" | "text" | "wrap">> {
  const folders = foldersFor({ ...needs, homes: seal.homes });
  const place: Place = { seal, folders, directory: needs.directory, offline: false, shell: true };
  const fitting = seal.grade === "none" ? seal : await fit(place, 20_000, needs.signal);
  if (fitting.grade === "none") return unsealed(fitting);
  return { grade: seal.grade, text: sealText(seal), wrap: (command) => wrapped(place, command) };
}

/** The place's seal where it fits around its folders; else one that is none, with the reason. */
async function fit(place: Place, patience: number, signal: AbortSignal): Promise<Seal> {
  const { argv, environment } = wrapped(place, { argv: ["true"], directory: place.directory, environment: {} });
  const answer = await trySeal({ argv, environment: { PATH: "/usr/bin:/bin", ...environment }, patience, signal });
  if (answer.fits) return place.seal;
  return { ...place.seal, grade: "none", network: "open", refused: [answer.refused], command: [] };
}

function unsealed(seal: Seal): Sealed {
  return { grade: seal.grade, text: sealText(seal), wrap: (command) => command, seen: [], refusal: () => null };
}

function wrapped({ seal, folders, offline, shell }: Place, command: Command): ReturnType<Sealed["wrap"]> {
  const { argv, directory, environment, network } = command;
  const open = network === true && !offline;
  const read = open ? [...folders.read, ...resolverFolders()] : folders.read;
  const flags = [...(open ? ["--network"] : []), ...(shell === true ? ["--shell"] : [])];
  const parent = [readlinkSync("/proc/self")];
  return {
    argv: [...seal.command, ...flags, "--", ...argv],
    environment: { ...environment, ...sealPaths({ ...folders, read, in: [directory], parent }) },
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
