/** What `doctor` looks at of the machine around a generation: the loader, the ports, mandatory access control. */
import { splitAddress } from "../../address.ts";
import { compareLoader, comparisonText, mandatoryAccess, provePort, type Host } from "../../host/index.ts";
import type { Site } from "../../recipe/index.ts";
import type { Manifest } from "../../store/index.ts";
import type { Check } from "../checks.ts";
import type { Context } from "../context.ts";
import { hostWishes } from "./host-changes.ts";
import { loadStack } from "../make/load.ts";
import { interpreterOf, outputPaths, serverless, serverOutputs } from "../serve/setup.ts";

/** Looks at the machine for a generation that can serve; of any other nothing is asked. Changes nothing. */
export async function machineChecks(
  context: Context,
  work: { readonly host: Host; readonly site: Site; readonly manifest: Manifest },
): Promise<readonly Check[]> {
  const { host, site, manifest } = work;
  const { stack } = await loadStack(context, manifest.stack);
  if (serverless(stack, manifest.builds) !== null) return [];
  const outputs = serverOutputs(stack, manifest.builds);
  const { lowPort, service } = await hostWishes(context, { site, host, outputs });
  const { prefix } = context.options;
  const old = outputs.purpose === "reproduction";
  // What the trial needs is a Python 3, whichever.
  const interpreter = (old ? await host.which("python3") : null) ?? interpreterOf(outputs);
  const proofs = [...site.server.listen, ...site.server.redirect]
    .filter((address) => splitAddress(address).port < 1024)
    .map((address) =>
      provePort(host, {
        address,
        method: lowPort.method,
        interpreter,
        old,
        ...(lowPort.method === "file-capability" ? { copy: lowPort.interpreter } : {}),
      }),
    );
  return [
    ...(await loaderChecks(host, manifest)),
    {
      id: "service",
      outcome: "info",
      message: `${service.manager === "none" ? "no service manager runs the server" : `${service.manager} runs ${service.name}`}: ${[...service.reasons, ...lowPort.reasons].join("; ")}`,
      fix: null,
    },
    ...(await Promise.all(proofs)).flat(),
    ...(await mandatoryChecks(host, { prefix, outputs: outputPaths(outputs) })),
  ];
}

/** Whether an entry that was made still changes nothing for the machine's own programs. */
async function loaderChecks(host: Host, { host: records }: Manifest): Promise<readonly Check[]> {
  const { library, newNames } = records.find(({ kind }) => kind === "loader-path")?.data ?? {};
  if (library === undefined) return [];
  const comparison = await compareLoader(host, { library, name: "tlsforge", newNames: newNames === "true" });
  const message = comparisonText(comparison);
  if (comparison.outcome !== "observed") return [{ id: "loader", outcome: "unknown", message, fix: null }];
  const good = comparison.count === 0 && comparison.shadowed.length === 0;
  return [
    {
      id: "loader",
      outcome: good ? "pass" : "fail",
      message,
      fix: good ? null : "set host.loader-path: false in the site file and provision again",
    },
  ];
}

async function mandatoryChecks(host: Host, options: Parameters<typeof mandatoryAccess>[1]): Promise<readonly Check[]> {
  const { system, enforcing, messages, commands } = await mandatoryAccess(host, options);
  if (system === "none") return [];
  const fix = commands.length === 0 ? null : `as root: ${commands.map((argv) => argv.join(" ")).join(" && ")}`;
  return [
    {
      id: "mandatory-access",
      outcome: enforcing === null ? "unknown" : commands.length === 0 ? "pass" : "fail",
      message: messages.join("; "),
      fix,
    },
  ];
}
