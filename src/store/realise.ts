import { mkdir, rename, statfs } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { ForgeError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Derivation } from "../plan/index.ts";
import { asidePath, putBack } from "./aside.ts";
import { noteContents, type Contents } from "./contents.ts";
import { atomicWrite, explained, hasCode, removeTree, syncTree } from "./disk.ts";
import { lock } from "./lock.ts";
import { scratchFolder } from "./failed.ts";
import { buildLock, logPath, prefixPaths } from "./paths.ts";
import { endOrphans } from "./processes.ts";
import { readReceipt, receiptPath } from "./receipts.ts";
import type { Receipt } from "./types.ts";

/** What only the build knows; the store fills in the rest of the receipt. */
export type BuildResult = Pick<Receipt, "sources" | "steps" | "gates" | "cpuSeconds" | "seal" | "environment">;

/** Makes the output in the empty folder `out`, its full log in `log`. Rejects when it fails or when the signal aborts. */
export type Build = (context: { readonly out: string; readonly log: string }) => Promise<BuildResult>;

/** Surroundings of a build. */
export interface RealiseOptions {
  /** Who builds, as others who wait for it are told: `provision`. Default: `build`. */
  readonly what?: string;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** false: throw `prefix-busy` when another process builds the same. Default: wait, and share its output. */
  readonly wait?: boolean;
  /** Leave a failed output in its place for a look; the next try and `collectGarbage` remove it. */
  readonly keepFailed?: boolean;
  /** Build what is there already anew in its place. The old output stays until the new one is whole, and comes back when the build fails. Nobody may be using it. */
  readonly replace?: boolean;
  /** For the progress display; default: the recipe's weight. */
  readonly expectedSeconds?: number;
}

/** An output that is in the store. */
export interface Realised {
  readonly receipt: Receipt;
  /** Whether it was there already, or another process built it meanwhile. */
  readonly cached: boolean;
}

/**
 * Makes sure that a derivation's output is in the store: takes it when its receipt is there, else builds it. One build per key
 * at a time, over all processes. The receipt is written last, after the output has been synced; a kill at any moment leaves
 * either a whole output or one without a receipt, which the next try removes. An output must not be changed afterwards.
 *
 * Reports `build-start` (when it builds) and `build-done`. Throws what the build throws, `interrupted`, `disk-full`,
 * `prefix-busy`, `prefix-unusable`.
 */
export async function realise(derivation: Derivation, build: Build, options: RealiseOptions): Promise<Realised> {
  const ready = options.replace === true ? null : await readOwnReceipt(derivation);
  if (ready !== null) return cached(ready, options.emit);
  const { recipe, key, prefix } = derivation;
  const release = await lock(buildLock(prefix, key), {
    what: options.what ?? "build",
    takes: `${recipe.name} ${recipe.version}`,
    wait: options.wait ?? true,
    emit: options.emit,
    signal: options.signal,
  });
  try {
    await putBack(derivation.out, prefix);
    const meanwhile = options.replace === true ? null : await readOwnReceipt(derivation);
    if (meanwhile !== null) return cached(meanwhile, options.emit);
    return { receipt: await buildNow(derivation, build, options), cached: false };
  } finally {
    await release();
  }
}

async function readOwnReceipt({ out, key }: Derivation): Promise<Receipt | null> {
  const receipt = await readReceipt(out);
  return receipt?.key === key ? receipt : null;
}

function cached(receipt: Receipt, emit: Emit): Realised {
  const { recipe, version, key, seal } = receipt;
  const sealed = seal === undefined ? {} : { sealed: seal.text };
  emit({ type: "build-done", recipe, version, key, cached: true, wallSeconds: 0, cpuSeconds: 0, ...sealed });
  return { receipt, cached: true };
}

async function buildNow(derivation: Derivation, build: Build, options: RealiseOptions): Promise<Receipt> {
  const { out, prefix } = derivation;
  await endOrphans(out, prefix);
  const aside = options.replace === true ? await setAside(derivation, options.emit) : null;
  await removeTree(out, prefix);
  let receipt: Receipt;
  try {
    receipt = await buildInto(derivation, build, options);
  } catch (error) {
    const shown = await spaceExplained(error, derivation);
    const kept = options.keepFailed === true && aside === null && !options.signal.aborted;
    const failed = `The failed output ${out} could not be removed`;
    if (!kept) await orWarn(removeTree(out, prefix), failed, options.emit);
    if (aside !== null) await orWarn(rename(aside, out), `${out} could not be put back from ${aside}`, options.emit);
    throw shown;
  }
  if (aside !== null) await orWarn(removeTree(aside, prefix), removalFailed(out), options.emit);
  return receipt;
}

function removalFailed(out: string): string {
  return `What ${out} was before could not be removed`;
}

/** Where the output lies meanwhile; null when there is none. */
async function setAside({ out, prefix }: Derivation, emit: Emit): Promise<string | null> {
  const aside = asidePath(out);
  // Left by a run that was killed after its build.
  await orWarn(removeTree(aside, prefix), removalFailed(out), emit);
  try {
    await rename(out, aside);
    return aside;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw explained(error, out);
  }
}

async function buildInto(derivation: Derivation, build: Build, options: RealiseOptions): Promise<Receipt> {
  const { recipe, key, out, prefix } = derivation;
  const { name, version } = recipe;
  const log = logPath(prefix, key);
  const expectedSeconds = options.expectedSeconds ?? recipe.weight;
  const started = performance.now();
  await mkdir(out);
  options.emit({ type: "build-start", recipe: name, version, key, log, expectedSeconds });
  const result = await build({ out, log });
  // A build that missed the signal may have stopped half-way.
  if (options.signal.aborted) throw new ForgeError("interrupted", `Interrupted while building ${name} ${version}`);
  const contents = await noteContents(out, options.signal);
  await syncTree(out);
  const receipt = fillIn(derivation, { ...result, contents }, (performance.now() - started) / 1000);
  await atomicWrite(receiptPath(out), `${JSON.stringify(receipt, null, 2)}\n`);
  const { wallSeconds, cpuSeconds, seal } = receipt;
  const sealed = seal === undefined ? {} : { sealed: seal.text };
  options.emit({ type: "build-done", recipe: name, version, key, cached: false, wallSeconds, cpuSeconds, ...sealed });
  return receipt;
}

type Made = BuildResult & { readonly contents: Contents };

function fillIn({ recipe, key, out, inputs, tools }: Derivation, result: Made, wallSeconds: number): Receipt {
  return {
    schema: "tlsforge.receipt/1",
    recipe: recipe.name,
    version: recipe.version,
    key,
    out,
    inputs: inputs.map((input) => ({ name: input.name, version: input.version, key: input.key })),
    sources: result.sources,
    tools,
    steps: result.steps,
    gates: result.gates,
    contents: result.contents,
    ...(recipe.fallback === undefined ? {} : { fallback: recipe.fallback }),
    ...(result.seal === undefined ? {} : { seal: result.seal }),
    wallSeconds,
    cpuSeconds: result.cpuSeconds,
    finished: new Date().toISOString(),
    ...(result.environment === undefined ? {} : { environment: result.environment }),
  };
}

/** Compilers tell of a full disk in words of their own; the file system tells it in numbers. */
async function spaceExplained(error: unknown, { out, prefix }: Derivation): Promise<unknown> {
  const shown = explained(error, out);
  if (!(shown instanceof ForgeError) || shown.code !== "build-failed") return shown;
  const places = [prefix, prefixPaths(prefix).store, scratchFolder(prefix)];
  if (!(await Promise.all(places.map((place) => isFull(place)))).includes(true)) return shown;
  return new ForgeError("disk-full", `No space is left on the disk of ${out}; ${shown.message}`, {
    hint: "Free some space (`tlsforge gc` removes what nothing uses), then run the same command again",
    details: shown.details,
    cause: shown,
  });
}

/** Less than 1 MiB, or no room for another file where the file system counts them. */
async function isFull(place: string): Promise<boolean> {
  const facts = await statfs(place).catch(() => null);
  if (facts === null) return false;
  return facts.bavail * facts.bsize < 1024 * 1024 || (facts.files > 0 && facts.ffree === 0);
}

/** The outcome of the build matters more than what could not be tidied up. */
async function orWarn(work: Promise<void>, what: string, emit: Emit): Promise<void> {
  await work.catch((error: unknown) => {
    emit({ type: "warning", message: `${what}: ${error instanceof Error ? error.message : String(error)}` });
  });
}
