import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ForgeEvent } from "../../../src/events.ts";
import { derive, type Derivation } from "../../../src/plan/index.ts";
import {
  activate,
  realise,
  type Build,
  type BuildResult,
  type GenerationParts,
  type Staged,
} from "../../../src/store/index.ts";

export const result: BuildResult = { sources: [], steps: ["make"], gates: [], cpuSeconds: 0.5 };

/** Collects events; a signal that never aborts; waits for locks. */
export function surroundings(what = "test") {
  const events: ForgeEvent[] = [];
  const emit = (event: ForgeEvent): void => void events.push(event);
  return { what, wait: true, emit, signal: new AbortController().signal, events };
}

/** A derivation without sources. */
export function derivation(
  prefix: string,
  name: string,
  inputs: readonly Derivation[] = [],
  version = "1.0",
): Derivation {
  return derive({
    recipe: {
      name,
      version,
      folder: "/recipes",
      support: { status: "lts" },
      vulnerable: [],
      inputs: inputs.map((input) => input.recipe.name),
      sources: [],
      packages: [],
      platformValues: {},
      requirements: [],
      environment: {},
      steps: [],
      gates: [],
      weight: 1,
    },
    files: [],
    platform: { os: "linux", arch: "x86_64", libc: "gnu" },
    prefix,
    inputs,
    tools: { cc: "cc 12" },
  });
}

/** A build that writes these files (path below the output -> content); what lies in `bin` can be run. */
export function writes(files: Readonly<Record<string, string>>): Build {
  return async ({ out }) => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(join(out, path, ".."), { recursive: true });
      await writeFile(join(out, path), content, { mode: path.startsWith("bin/") ? 0o755 : 0o644 });
    }
    return result;
  };
}

/** Builds outputs with the given files and makes them the current generation. */
export async function provide(
  prefix: string,
  outputs: Readonly<Record<string, Readonly<Record<string, string>>>>,
  version = "1.0",
): Promise<Staged> {
  const derivations: Derivation[] = [];
  for (const [name, files] of Object.entries(outputs)) {
    const made = derivation(prefix, name, [], version);
    await realise(made, writes(files), surroundings());
    derivations.push(made);
  }
  return activate(prefix, parts(derivations), surroundings());
}

/** A generation of these outputs. */
export function parts(derivations: readonly Derivation[]): GenerationParts {
  return {
    stack: "test",
    builds: derivations.map(({ recipe, key, out }) => ({
      recipe: recipe.name,
      version: recipe.version,
      key,
      out,
      location: "cache",
    })),
    host: [],
    fingerprint: "f",
    tools: [],
    server: null,
    accepted: false,
    report: null,
    warnings: [],
  };
}
