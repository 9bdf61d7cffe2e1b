import { existsSync } from "node:fs";
import { ForgeError } from "../../errors.ts";
import { quickCheckHost, type Host, type RequirementResult } from "../../host/index.ts";
import { status } from "../../server/index.ts";
import { listGenerations, readManifest, readReceipt, type Manifest } from "../../store/index.ts";
import { verdict, type Check } from "../checks.ts";
import type { Context } from "../context.ts";
import { contentsChecks, repairOutputs } from "../builds/deep.ts";
import { knownRecords, type Known } from "../machine/ledger.ts";
import { withSiteFile } from "../serve/kept-site.ts";
import { loadSite, loadStack } from "../make/load.ts";
import { machineChecks } from "../machine/machine-checks.ts";
import { neededFor } from "../make/packages.ts";
import { pendingRecipes } from "../make/pipeline.ts";
import { machine, planSelection, select } from "../make/prepare.ts";
import type { Result } from "../result.ts";
import { sandboxCheck } from "../make/sandbox.ts";
import { interpreterOf, isolation, serverless, serverOutputs, type ServerOutputs } from "../serve/setup.ts";
import type { SourceOptions } from "../make/types.ts";

/** What `doctor` is asked for. */
export interface DoctorRequest {
  readonly deep: boolean;
  readonly repair: boolean;
  /** Where sources may be looked for. */
  readonly places: SourceOptions;
}

/**
 * Looks at everything tlsforge rests on: what builds need, the outputs of the current generation, host changes, the server; with `deep` every
 * file of every output. Changes nothing, but with `repair` outputs that were changed are built anew first.
 * Exit 1 when a check fails, 3 when none fails but one could not be made.
 */
export async function doctor(given: Context, { deep, repair, places }: DoctorRequest): Promise<Result> {
  const manifest = await readManifest(given.options.prefix);
  const context = manifest === null ? given : await withSiteFile(given, manifest).catch(siteProblem);
  // Of the defaults that nobody asked for there is nothing to tell.
  if (context instanceof ForgeError) {
    const { message, hint = null } = context;
    const gone: Check = { id: "site-file", outcome: "fail", message, fix: hint };
    return verdict(given.options, [gone, await serverCheck(given, null)]);
  }
  const repaired = repair ? await repairOutputs(context, places) : null;
  const checks = [
    ...(await requirementChecks(context, manifest, places)),
    await sandboxCheck(context),
    ...(await generationChecks(context, manifest)),
    ...(repaired?.checks ?? []),
    ...(deep || repair ? await contentsChecks(context, repaired?.looks) : []),
    await serverCheck(context, manifest),
  ];
  return verdict(context.options, checks);
}

function siteProblem(error: unknown): ForgeError {
  if (error instanceof ForgeError && error.code === "site-invalid") return error;
  throw error;
}

/** What the current generation's stack needs to be built, or where there is none the site file's. */
async function requirementChecks(context: Context, manifest: Manifest | null, places: SourceOptions): Promise<Check[]> {
  const site = await loadSite(context);
  const stack = manifest?.stack ?? site.stack;
  const selection = await select(context, { site, stack, options: places }).catch((error: unknown) => {
    if (error instanceof ForgeError && error.code === "source-unavailable") return error;
    throw error;
  });
  // Which requirements there are depends on the versions; without the network those may not be known.
  if (selection instanceof ForgeError) {
    const message = `what builds need cannot be told: ${selection.message}`;
    return [{ id: "requirements", outcome: "unknown", message, fix: selection.hint ?? null }];
  }
  const { prefix } = context.options;
  const planned = await planSelection(selection, manifest, prefix);
  const needed = new Set(neededFor(pendingRecipes(planned), selection.requirements));
  return selection.requirements.map((result) => requirementCheck(result, needed.has(result)));
}

/** What is not needed because everything is built is told and counts for nothing. */
function requirementCheck(
  { requirement, outcome, found, identity, provides }: RequirementResult,
  needed: boolean,
): Check {
  const optional = requirement.wanted === true ? ", optional" : needed ? "" : ", for builds to come";
  const told = identity ?? found;
  return {
    id: `requirement:${requirement.name}`,
    outcome: outcome === "met" ? "pass" : optional !== "" ? "info" : outcome === "unknown" ? outcome : "fail",
    message: `${requirement.name}: ${outcome}${outcome === "met" ? "" : optional}${told === undefined ? "" : ` (${told})`}`,
    fix: outcome === "met" || provides.length === 0 ? null : `install ${provides.join(" ")}`,
  };
}

async function generationChecks(context: Context, manifest: Manifest | null): Promise<Check[]> {
  const { prefix } = context.options;
  const site = await loadSite(context);
  const host = machine(context, site);
  const changes = await changeChecks(context, host, await knownRecords(prefix, manifest?.host));
  if (manifest === null) return [...changes, await noGeneration(context)];
  const builds = await Promise.all(
    manifest.builds.map(async (build): Promise<Check> => {
      const there = (await readReceipt(build.out)) !== null;
      const lacks = existsSync(build.out) ? "has no receipt that can be read" : "is gone";
      return {
        id: `output:${build.recipe}`,
        outcome: there ? "pass" : "fail",
        message: `${build.recipe} ${build.version}: ${there ? "its output is there" : `${build.out} ${lacks}`}`,
        fix: there ? null : `run ${context.program} doctor --deep --repair`,
      };
    }),
  );
  return [
    ...builds,
    ...changes,
    ...(await opensslChecks(context, manifest)),
    ...(await machineChecks(context, { host, site, manifest })),
  ];
}

/** Nothing is current: nothing was ever made, or the link is lost. */
async function noGeneration({ program, options: { prefix } }: Context): Promise<Check> {
  const last = (await listGenerations(prefix)).findLast((entry) => entry.manifest?.accepted === true);
  const lost = last !== undefined;
  return {
    id: "generation",
    outcome: "fail",
    message: lost
      ? `${prefix}/current is lost: generation ${last.generation} was accepted last, and none is current`
      : `there is no generation in ${prefix}`,
    fix: `run ${program} ${lost ? `rollback ${last.generation}` : "provision"}`,
  };
}

/** Whether every change that is known stands, also one that no generation has got to. */
export async function changeChecks(
  { program }: Pick<Context, "program">,
  host: Host,
  { records, unfinished }: Known,
): Promise<readonly Check[]> {
  const drifted = await quickCheckHost(host, records);
  return records.map((record): Check => {
    const id = `host:${record.id}`;
    if (unfinished.includes(record)) {
      const message = `${record.id}: unfinished, a run broke off in it`;
      return { id, outcome: "fail", message, fix: `run ${program} provision` };
    }
    const drift = drifted.find((entry) => entry.id === record.id);
    if (drift === undefined) return { id, outcome: "pass", message: `${record.id}: as tlsforge left it`, fix: null };
    const unknown = drift.stands === null;
    return {
      id,
      outcome: unknown ? "unknown" : "fail",
      message: `${record.id}: ${unknown ? "whether it is as tlsforge left it cannot be told" : "changed since"}`,
      fix: `${program} plan shows ${unknown ? "what can be seen of it" : "the difference"}`,
    };
  });
}

/** Runs the interpreter of the current generation and asks it which OpenSSL it has mapped; nothing of a stack without a server. */
async function opensslChecks(context: Context, manifest: Manifest): Promise<readonly Check[]> {
  const { stack } = await loadStack(context, manifest.stack);
  if (serverless(stack, manifest.builds) !== null) return [];
  return [await opensslCheck(context, serverOutputs(stack, manifest.builds))];
}

async function opensslCheck(context: Context, outputs: ServerOutputs): Promise<Check> {
  const id = "one-openssl";
  const host = machine(context, await loadSite(context));
  // For Python 2.7 and 3 alike.
  const program =
    "import ssl, _hashlib\nfrom OpenSSL import SSL\nprint('\\n'.join(sorted({l.split()[-1] for l in open('/proc/self/maps') if '/libssl' in l or '/libcrypto' in l})))";
  const argv = [interpreterOf(outputs), ...isolation(outputs), "-c", program];
  const answer = await host.exec(argv, { timeoutSeconds: 30 });
  const mapped = answer.stdout.split("\n").filter((line) => line !== "");
  if (answer.exitCode !== 0 || mapped.length === 0)
    return {
      id,
      outcome: "unknown",
      message: `which OpenSSL is used cannot be told: ${answer.stderr.trim().split("\n").at(-1) ?? ""}`,
      fix: `${context.program} log python-tls`,
    };
  const foreign = mapped.filter((file) => !file.startsWith(`${outputs.openssl}/`));
  return foreign.length === 0
    ? { id, outcome: "pass", message: `ssl, hashlib and pyOpenSSL share one OpenSSL: ${mapped.join(", ")}`, fix: null }
    : {
        id,
        outcome: "fail",
        message: `another OpenSSL is in the process: ${foreign.join(", ")}`,
        fix: `run ${context.program} provision, and report this`,
      };
}

async function serverCheck(context: Context, manifest: Manifest | null): Promise<Check> {
  const state = await status(context.options.prefix);
  if (state.state === "serving")
    return {
      id: "server",
      outcome: "pass",
      message: `the server serves on ${state.status.listen.join(", ")}`,
      fix: null,
    };
  if (state.state === "unknown")
    return {
      id: "server",
      outcome: "unknown",
      message: state.reason,
      fix: `${context.program} stop, then ${context.program} launch`,
    };
  const none = manifest === null ? null : serverless((await loadStack(context, manifest.stack)).stack, manifest.builds);
  return none === null
    ? { id: "server", outcome: "fail", message: "no server runs", fix: `start it with ${context.program} launch` }
    : { id: "server", outcome: "info", message: none, fix: null };
}
