import { packageResource, planHost, requirementError, type Remains } from "../../host/index.ts";
import { literalAddress, status } from "../../server/index.ts";
import type { PlannedBuild } from "../../plan/index.ts";
import { readManifest, type Manifest } from "../../store/index.ts";
import type { Context } from "../context.ts";
import {
  hostFields,
  hostText,
  hostWishes,
  runnerOf,
  serviceChange,
  undoFields,
  type HostWishes,
} from "../machine/host-changes.ts";
import { knownRecords } from "../machine/ledger.ts";
import { neededFor } from "../make/packages.ts";
import { pendingOf } from "../machine/pending.ts";
import { pendingRecipes } from "../make/pipeline.ts";
import { appText, planText, stepLines, switchText, termsText } from "../make/plan-text.ts";
import { planSelection, select, type Selection } from "../make/prepare.ts";
import type { Result } from "../result.ts";
import { serverChange, switchFor, type ServerChange, type ServiceChange } from "../serve/serve.ts";
import { serverless, serverOutputs, standingServer } from "../serve/setup.ts";
import { supervisorOfRunning } from "../serve/standing.ts";
import { lossesIn } from "../serve/terms.ts";
import { flawsOf, vulnerableText } from "../serve/vulnerable.ts";
import { siteFor } from "../make/load.ts";
import type { BuildRequest } from "../make/types.ts";

/** What `provision` would do. Changes nothing. With `exitCode`: 10 when something would change. */
export async function plan(context: Context, request: BuildRequest & { readonly exitCode: boolean }): Promise<Result> {
  const { options } = context;
  const { site, stack } = await siteFor(context, request.stack);
  const previous = await readManifest(options.prefix);
  const selection = await select(context, { site, stack: stack.name, options: request.sources });
  const flaws = flawsOf(selection.resolved);
  const lost = await lossesIn(site, selection.stack.purpose, options.prefix);
  const planned = await planSelection(selection, previous, options.prefix);
  const out = (name: string): string =>
    planned.find((entry) => entry.derivation.recipe.name === name)?.derivation.out ?? "";
  const { openssl, purpose } = selection.stack;
  const outputs = { openssl: out(openssl), pythonTls: out("python-tls"), purpose };
  const wishes = await hostWishes(context, { site, host: selection.host, outputs });
  const toBuild = pendingRecipes(planned);
  const builds = toBuild.length > 0;
  const needed = neededFor(toBuild, selection.requirements);
  const packages = packageResource(needed, `default: host.packages is ${site.host.packages}`);
  const plans = await planHost(selection.host, [...(packages === null ? [] : [packages]), ...wishes.resources]);
  const known = await knownRecords(options.prefix, previous?.host);
  const { changes, over, left, unfinished, refused } = await pendingOf(selection.host, known, {
    resources: wishes.resources,
    plans,
  });
  const hostPending = changes.length + over.length + unfinished.length > 0;
  const units = serviceChange(changes, over);
  const server = await planServer(context, { selection, planned, previous, wishes, hostPending, units });
  const pending = builds || hostPending || refused.length > 0 || server.action !== "none";
  const missing = requirementError(selection.host, needed);
  const unserved = serverless(
    selection.stack,
    planned.map(({ derivation }) => ({ recipe: derivation.recipe.name })),
  );
  const refusal = unserved === null ? [] : [`provision is refused: ${unserved}; build makes it`];
  const verbose = options.verbose
    ? planned.flatMap((entry) => [...planText([entry], []), ...stepLines(entry)])
    : planText(planned, selection.resolved);
  const warnings = [
    ...refusal,
    ...refused.map(
      ({ id, reason }) => `provision is refused: ${id} cannot be had: ${reason ?? "its state is unknown"}`,
    ),
    ...unfinished.map(({ id }) => unfinishedText(id)),
    ...left.map(leftText),
    ...(missing === null ? [] : [missing.message, ...missing.details]),
    ...selection.resolved.flatMap((recipe) =>
      recipe.fallback === undefined ? [] : [`${recipe.name} ${recipe.fallback.wanted} cannot be had`],
    ),
  ];
  return {
    outcome: pending ? "done" : "unchanged",
    exitCode: pending && request.exitCode ? 10 : 0,
    fields: {
      prefix: options.prefix,
      builds: planned.map(({ derivation, action, why }) => ({
        recipe: derivation.recipe.name,
        version: derivation.recipe.version,
        key: derivation.key,
        action,
        why,
      })),
      host: [...undoFields(over), ...hostFields(plans)],
      server,
      warnings,
      ...(flaws.length === 0 ? {} : { vulnerable: flaws }),
      ...(lost.length === 0 ? {} : { lost }),
    },
    text: `${[
      `Prefix ${options.prefix}`,
      "",
      ...(flaws.length === 0 ? [] : [...vulnerableText(flaws), ""]),
      "Builds",
      ...verbose.map((line) => `  ${line}`),
      "",
      "Host",
      ...(plans.length + over.length === 0 ? ["  nothing is asked of it"] : []),
      ...over.map(({ id }) => `  delete ${id} (no longer asked for)`),
      ...left.map((remains) => `  ${leftText(remains)}`),
      ...unfinished.map(({ id }) => `  ${unfinishedText(id)}`),
      ...hostText(plans).map((line) => `  ${line}`),
      ...wishes.service.reasons.map((reason) => `  service: ${reason}`),
      ...wishes.lowPort.reasons.map((reason) => `  ports: ${reason}`),
      "",
      "Server",
      ...refusal.map((line) => `  ${line}`),
      `  ${server.action === "none" ? "nothing to do" : server.action}: ${server.why}`,
      `  serves ${appText(site.server.app)}`,
      ...(site.verify.ca === null ? [] : [`  graded by an authority of its own: ${site.verify.ca}`]),
      ...lost.map((loss) => `  profile ${termsText(site.server)} loses ${loss.of}: ${loss.why}`),
      ...(missing === null ? [] : ["", `${missing.message}:`, ...missing.details.map((line) => `  ${line}`)]),
    ].join("\n")}\n`,
  };
}

function unfinishedText(id: string): string {
  return `${id} was left unfinished by a run that broke off: provision completes it`;
}

function leftText({ id, detail }: Remains): string {
  return `${id} is no longer asked for and cannot be taken back: ${detail}`;
}

interface Situation {
  readonly selection: Selection;
  readonly planned: readonly PlannedBuild[];
  readonly previous: Manifest | null;
  readonly wishes: HostWishes;
  readonly hostPending: boolean;
  readonly units: ServiceChange;
}

/** What `provision` would do with the server, and what that means for connections. Issues no certificate and asks only the server itself. */
async function planServer(context: Context, situation: Situation): Promise<ServerChange> {
  const change = await neededChange(context, situation);
  const state = await status(context.options.prefix);
  if (change.action !== "relaunch" || state.state !== "serving") return change;
  const { selection, wishes, units } = situation;
  const { listen, redirect } = selection.site.server;
  const running = { status: state.status, supervisor: await supervisorOfRunning(context) };
  const { supervisor } = await runnerOf(selection.host, wishes, "planned");
  const config = {
    listen: listen.map(literalAddress),
    redirect: redirect.map(literalAddress),
    ...(selection.stack.purpose === "reproduction" ? { vulnerable: [] } : {}),
  };
  const held = wishes.resources.some(({ kind }) => kind === "socket");
  const way = switchFor(running, { config, runner: { supervisor } }, units);
  return { ...change, why: `${change.why}; ${switchText(way, held)}` };
}

async function neededChange(context: Context, situation: Situation): Promise<ServerChange> {
  const { selection, planned, previous, wishes, hostPending } = situation;
  const { prefix } = context.options;
  const state = await status(prefix);
  const anew = (why: string): ServerChange => ({
    action: state.state === "not-serving" ? "launch" : "relaunch",
    why: state.state === "not-serving" ? "nothing serves" : why,
  });
  const keys = planned.map(({ derivation }) => derivation.key).join();
  if (previous === null || keys !== previous.builds.map((build) => build.key).join())
    return anew("its generation is made of other outputs");
  if (previous.stack !== selection.stack.name) return anew(`the stack is ${selection.stack.name}`);
  if (planned.some((entry) => entry.action === "build")) return anew("outputs are built anew");
  if (hostPending) return anew("the host changes");
  if (state.state === "not-serving") return anew("nothing serves");
  const outputs = serverOutputs(selection.stack, previous.builds);
  const { site, host } = selection;
  const runner = await runnerOf(host, wishes, "planned");
  const setup = await standingServer(context, { site, host, outputs, runner, manifest: previous });
  return setup === null ? anew("a certificate is to be issued") : serverChange(prefix, state, setup.config);
}
