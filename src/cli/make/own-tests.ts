/** `--check`: the own tests of the packages that are built, as a step of its own between building and activating. */
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import type { PlannedBuild } from "../../plan/index.ts";
import { excludedFrom } from "../../recipe/index.ts";
import {
  buildLock,
  checkLogPath,
  endOrphans,
  lock,
  readCheck,
  scratchPath,
  testedOutput,
  writeCheck,
  type CheckRecord,
} from "../../store/index.ts";
import type { Context } from "../context.ts";
import { buildTools, fetchFor, type Selection } from "./prepare.ts";
import { sealOf } from "./sandbox.ts";
import { inScratch } from "./scratch.ts";
import type { Made, TestRequest } from "./types.ts";

/**
 * Runs the own tests that are asked for, one package after the other, and records each result. Without a request it only tells what is on record.
 * Throws `check-failed` with every test that failed: then nothing is activated. Throws `usage` for a recipe without tests.
 */
export async function checkMade(
  context: Context,
  request: TestRequest | undefined,
  work: { readonly selection: Selection; readonly planned: readonly PlannedBuild[]; readonly made: readonly Made[] },
): Promise<readonly Made[]> {
  const { prefix } = context.options;
  if (request === undefined) return recorded(prefix, work.made);
  const wanted = wantedOf(request, work.made);
  const checked = new Map<string, CheckRecord>();
  for (const entry of wanted) {
    const name = entry.derivation.recipe.name;
    const release = await lock(buildLock(prefix, entry.derivation.key), {
      what: `tests of ${name} ${entry.derivation.recipe.version}`,
      wait: context.options.wait,
      emit: context.emit,
      signal: context.signal,
    });
    try {
      checked.set(name, await checkOne(context, entry, { ...work, named: request.named[name] ?? [] }));
    } finally {
      await release();
    }
  }
  const failed = [...checked.values()].filter(({ outcome }) => outcome === "fail");
  if (failed.length > 0) throw failure(failed);
  return recorded(prefix, work.made);
}

/** What a record of `--json` tells of a package's own tests. */
export function checkFields(check: CheckRecord): object {
  const { name, outcome, passed, failed, skipped, failures, tests, excluded, log, wallSeconds, finished } = check;
  return { name, outcome, passed, failed, skipped, failures, tests, excluded, log, wallSeconds, finished };
}

/** A line for each output in use whose own tests have failed the last time that they were run. */
export function checkWarnings(made: readonly Made[]): readonly string[] {
  return made.flatMap(({ check }) =>
    check === undefined || check.outcome === "pass"
      ? []
      : [
          `${check.recipe} ${check.version}: its own tests failed on ${check.finished.slice(0, 10)} (${check.failures.join(", ")})`,
        ],
  );
}

/** With what is on record of each, whether it was run now or some time before. */
async function recorded(prefix: string, made: readonly Made[]): Promise<readonly Made[]> {
  return Promise.all(
    made.map(async (entry) => {
      const check = await readCheck(prefix, entry.derivation.key);
      return check === null ? entry : { ...entry, check };
    }),
  );
}

function wantedOf({ named }: TestRequest, made: readonly Made[]): readonly Made[] {
  const able = made.filter(({ derivation }) => derivation.recipe.check !== undefined);
  const names = able.map(({ derivation }) => derivation.recipe.name);
  const unknown = Object.keys(named).filter((name) => !names.includes(name));
  if (unknown.length > 0 || able.length === 0) {
    throw new ForgeError(
      "usage",
      unknown.length > 0
        ? `no recipe of the stack named ${unknown.join(", ")} has tests`
        : "no recipe of the stack has tests of its own",
      { hint: names.length === 0 ? "leave --check out" : `use one of ${names.join(", ")}` },
    );
  }
  return Object.keys(named).length === 0 ? able : able.filter(({ derivation }) => derivation.recipe.name in named);
}

async function checkOne(
  context: Context,
  { derivation }: Made,
  work: { readonly selection: Selection; readonly planned: readonly PlannedBuild[]; readonly named: readonly string[] },
): Promise<CheckRecord> {
  const { emit, signal, options } = context;
  const { recipe, key } = derivation;
  const { registryEnvironment, runOwnTests } = await import("../../build/index.ts");
  const planned = work.planned
    .filter((entry) => entry.derivation.recipe.name === recipe.name)
    .map((entry) => ({ ...entry, action: "build" as const }));
  const sources = (await fetchFor(planned, work.selection)).get(recipe.name) ?? [];
  const log = checkLogPath(options.prefix, key);
  const name = recipe.check?.name ?? "";
  const scratch = scratchPath(options.prefix, { key, recipe: `${recipe.name}-check` });
  emit({ type: "notice", message: `checking ${recipe.name} ${recipe.version}: ${name}; log: ${log}` });
  emit({
    type: "build-start",
    recipe: `${recipe.name} (tests)`,
    version: recipe.version,
    key,
    log,
    expectedSeconds: recipe.weight,
  });
  const started = performance.now();
  // What a killed run left would go on writing into the folder.
  await endOrphans(testedOutput(scratch), options.prefix);
  return inScratch({ scratch, prefix: options.prefix, emit }, async () => {
    const outcome = await runOwnTests(
      {
        derivation,
        sources,
        scratch,
        log,
        jobs: options.jobs,
        ...buildTools(work.selection.requirements),
        passThrough: registryEnvironment(context.environment),
        cargoHome: context.environment["CARGO_HOME"] ?? path.join(context.home, ".cargo"),
        seal: await sealOf(context),
        requireSandbox: work.selection.options.requireSandbox === true,
        offline: work.selection.options.offline,
        keepFailed: false,
        emit,
        signal,
      },
      work.named,
    );
    const record: CheckRecord = {
      schema: "tlsforge.check/1",
      recipe: recipe.name,
      version: recipe.version,
      key,
      name,
      ...outcome,
      tests: work.named,
      excluded:
        recipe.check === undefined
          ? []
          : excludedFrom(recipe.check, work.named).map(({ test, reason }) => ({ test, reason })),
      log,
      wallSeconds: Math.round(performance.now() - started) / 1000,
      finished: new Date().toISOString(),
    };
    await writeCheck(options.prefix, record, recipe.check?.tests ?? []);
    tell(context, record);
    return record;
  });
}

function tell({ emit }: Context, record: CheckRecord): void {
  const { recipe, version, key, outcome, excluded, wallSeconds } = record;
  emit({ type: "gate", key, gate: record.name, outcome, detail: counts(record) });
  emit({ type: "build-done", recipe: `${recipe} (tests)`, version, key, cached: false, wallSeconds, cpuSeconds: null });
  emit({ type: "notice", message: `${recipe} ${version}: ${record.name}: ${counts(record)}` });
  for (const { test, reason } of excluded) emit({ type: "notice", message: `${recipe}: left out ${test}: ${reason}` });
}

function counts({ passed, failed, skipped, excluded }: CheckRecord): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped, ${excluded.length} left out`;
}

function failure(failed: readonly CheckRecord[]): ForgeError {
  const details = failed.flatMap(({ recipe, failures, log }) => [
    ...failures.map((test) => `${recipe}: ${test}`),
    `${recipe}: the whole log: ${log}`,
  ]);
  const what = failed.map((record) => `${record.recipe} ${record.version}: ${record.name}: ${counts(record)}`);
  return new ForgeError("check-failed", `${what.join("; ")}; nothing was activated`, {
    details,
    hint: "see the log; a test that is known to fail for no fault of the build belongs into the recipe's check.exclude, with the reason",
  });
}
