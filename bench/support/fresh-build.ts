/** A real, cold tlsforge build into a fresh prefix, from sources that are in the caches already. */
import { existsSync, readdirSync } from "node:fs";
import type { ForgeEvent } from "../../src/events.ts";
import { ForgeError } from "../../src/errors.ts";
import type { Receipt } from "../../src/store/index.ts";
import { watchMachine, type Machine } from "./machine.ts";
import { measure } from "./measure.ts";
import { say, tlsforge, type Arguments, type Option } from "./program.ts";
import { readReceipts } from "./receipts.ts";
import { watchResident, type ResidentWatch } from "./resident.ts";
import { round } from "./statistics.ts";

export interface FreshBuild {
  readonly prefix: string;
  /** Whether the whole stack was built, or the run was stopped after the recipes of `--only`. */
  readonly complete: boolean;
  readonly command: "build" | "provision";
  readonly receipts: readonly Receipt[];
  /** The whole command, tlsforge itself included. */
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** Of the tlsforge process alone. */
  readonly resident: ReturnType<ResidentWatch["stop"]>;
  readonly machine: Machine;
}

export const freshBuildOptions: Readonly<Record<string, Option>> = {
  prefix: { value: "DIR", help: "a folder that is not there yet or empty: the prefix to build into" },
  only: { value: "NAMES", help: "stop when these recipes are built (comma between): libffi is the quick one" },
  jobs: { value: "N", help: "passed on to tlsforge (default: all cores)" },
  provision: { help: "provision instead of build: this changes the host and launches a server, as npm start does" },
  config: { value: "FILE", help: "site file, passed on to tlsforge: another port for --provision" },
};

/** Builds as the options say. Sources are never downloaded: what is not in a cache is an error. */
export async function freshBuild(given: Arguments, signal: AbortSignal): Promise<FreshBuild> {
  const prefix = given.path("prefix");
  if (prefix === undefined) throw new ForgeError("usage", "--prefix DIR is wanted", { hint: "name a fresh folder" });
  if (existsSync(prefix) && readdirSync(prefix).length > 0) {
    throw new ForgeError("usage", `${prefix} is not empty: a build into it would not be cold`, {
      hint: "name another folder",
    });
  }
  const command = given.flag("provision") ? "provision" : "build";
  const config = given.path("config");
  const shared = ["--json", "--offline", "--prefix", prefix, ...(config === undefined ? [] : ["--config", config])];
  const left = await wantedRecipes(given.text("only"), { shared, signal });
  const jobs = given.text("jobs");
  const stop = new AbortController();
  let resident: ResidentWatch | undefined;
  const machine = watchMachine();
  const run = await measure(
    {
      argv: tlsforge(
        command,
        ...shared,
        "--yes",
        "--progress",
        "json",
        ...(jobs === undefined ? [] : ["--jobs", jobs]),
      ),
    },
    {
      signal: AbortSignal.any([signal, stop.signal]),
      onStart: (shell) => (resident = watchResident(shell)),
      onLine: (line) => {
        const event = eventOf(line);
        if (event?.type === "build-start") say(`building ${event.recipe} ${event.version}`);
        if (event?.type === "build-done" && left?.delete(event.recipe) === true && left.size === 0) stop.abort();
      },
    },
  );
  const seen = resident?.stop() ?? null;
  signal.throwIfAborted();
  if (run.exitCode !== 0 && !stop.signal.aborted) throw failure(command, run.stdout);
  const { wallSeconds, cpuSeconds } = run;
  return {
    prefix,
    complete: !stop.signal.aborted,
    command,
    receipts: readReceipts(prefix),
    wallSeconds: round(wallSeconds),
    cpuSeconds: round(cpuSeconds),
    resident: seen,
    machine: machine(cpuSeconds),
  };
}

/** The names of `--only`, all of them known; null for the whole stack. */
async function wantedRecipes(
  only: string | undefined,
  plan: { readonly shared: readonly string[]; readonly signal: AbortSignal },
): Promise<Set<string> | null> {
  const { exitCode, stdout } = await measure({ argv: tlsforge("plan", ...plan.shared) }, plan);
  if (exitCode !== 0) throw failure("plan", stdout);
  if (only === undefined) return null;
  const known = (JSON.parse(stdout) as { builds: readonly { recipe: string }[] }).builds.map((build) => build.recipe);
  const wanted = only.split(",");
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length === 0) return new Set(wanted);
  throw new ForgeError("usage", `--only names ${unknown.join(", ")}, which the stack has not`, {
    hint: `use some of ${known.join(", ")}`,
  });
}

function eventOf(line: string): ForgeEvent | null {
  return line.startsWith("{") ? (JSON.parse(line) as ForgeEvent) : null;
}

function failure(command: string, stdout: string): ForgeError {
  const { error } = JSON.parse(stdout) as {
    error?: { message: string; hint: string | null; details?: readonly string[] };
  };
  return new ForgeError("build-failed", `tlsforge ${command}: ${error?.message ?? "failed"}`, {
    details: error?.details ?? [],
    ...(error?.hint === undefined || error.hint === null ? {} : { hint: error.hint }),
  });
}
