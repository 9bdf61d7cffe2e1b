import {
  describePlan,
  lowPortResources,
  type Host,
  type LowPortDecision,
  type Resource,
  type ResourcePlan,
} from "../host/index.ts";
import type { Site } from "../recipe/index.ts";
import type { HostFields } from "./result.ts";

/** What the machine has to give for a set of outputs to serve as the site file says. */
export interface HostWishes {
  readonly resources: readonly Resource[];
  readonly lowPort: LowPortDecision;
}

/**
 * Resources of a generation: the loader entry for its OpenSSL's library folder (which holds private names only, so that nothing else on the
 * machine can resolve differently), and what the low ports need. `openssl` and `interpreter` are store paths.
 */
export async function hostWishes(
  host: Host,
  site: Site,
  outputs: { readonly openssl: string; readonly interpreter: string; readonly prefix: string },
): Promise<HostWishes> {
  const lowPort = await lowPortResources(host, {
    ports: [...site.server.listen, ...site.server.redirect].map(portOf),
    choice: site.host.lowPort,
    interpreter: outputs.interpreter,
    copy: `${outputs.prefix}/var/low-port/bin/python3`,
    origin:
      site.host.lowPort === "auto"
        ? "default: host.low-port is auto"
        : `site file: host.low-port is ${site.host.lowPort}`,
  });
  const loader: Resource[] =
    site.host.loaderPath === false || host.platform.libc !== "gnu"
      ? []
      : [
          {
            kind: "loader-path",
            id: "loader-path:tlsforge",
            origin:
              site.host.loaderPath === true
                ? "site file: host.loader-path is true"
                : "default: host.loader-path is auto",
            library: `${outputs.openssl}/lib`,
            name: "tlsforge",
            demanded: site.host.loaderPath === true,
          },
        ];
  return { resources: [...loader, ...lowPort.resources], lowPort };
}

/** What `--json` tells of host changes. */
export function hostFields(plans: readonly ResourcePlan[]): readonly HostFields[] {
  return plans.map(({ id, action, current, desired, origin, why, effect, reason, commands }) => ({
    id,
    action,
    current,
    desired,
    origin,
    why,
    ...(effect === undefined ? {} : { effect }),
    ...(reason === undefined ? {} : { reason }),
    commands: commands.map(({ argv, elevated }) => ({ argv, elevated })),
  }));
}

/** Host changes as lines of text. */
export function hostText(plans: readonly ResourcePlan[]): readonly string[] {
  return plans.flatMap(describePlan);
}

/** The port of `address:port`. */
export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
