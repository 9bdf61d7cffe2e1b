import { ForgeError } from "../../errors.ts";
import type { Host } from "../types.ts";

/** Who starts, guards and restarts the server. `none`: a background process of our own. */
export type ServiceManager = "systemd" | "openrc" | "rc.d" | "none";

/** The manager that was chosen, and why no other one was. */
export interface ServiceDecision {
  readonly manager: ServiceManager;
  readonly reasons: readonly string[];
}

/** What the choice stands on. */
export interface ServiceOptions {
  /** `host.service` of the site file. */
  readonly choice: "auto" | ServiceManager;
  readonly prefix: string;
}

const managers = ["systemd", "openrc", "rc.d"] as const;

/**
 * Who runs the server here. A service of the machine is root's to make: for everybody else, and where there is no manager, it is a background process.
 * Throws `host-refused` for a manager that the site file asks for and that cannot be had.
 */
export async function serviceDecision(host: Host, { choice, prefix }: ServiceOptions): Promise<ServiceDecision> {
  if (choice === "none") return { manager: "none", reasons: ["host.service is none"] };
  if (choice !== "auto") {
    const obstacle = await obstacleTo(host, choice);
    if (obstacle === null) return { manager: choice, reasons: [`host.service is ${choice}`] };
    throw new ForgeError("host-refused", `no service of ${choice} for ${prefix}: ${obstacle}`, {
      hint: "run tlsforge as root on a machine that was booted with it, or set host.service: auto",
    });
  }
  const reasons: string[] = [];
  for (const manager of managers) {
    const obstacle = await obstacleTo(host, manager);
    if (obstacle === null) return { manager, reasons: [...reasons, `${manager} runs this machine`] };
    reasons.push(`not ${manager}: ${obstacle}`);
  }
  return { manager: "none", reasons };
}

/** Why a manager cannot run the server here; null when it can. */
async function obstacleTo(host: Host, manager: (typeof managers)[number]): Promise<string | null> {
  return (await absence(host, manager)) ?? (host.uid === 0 ? null : "only root may add a service to the machine");
}

async function absence(host: Host, manager: (typeof managers)[number]): Promise<string | null> {
  if (manager === "rc.d") return host.platform.os === "freebsd" ? null : "it is FreeBSD's";
  if (host.platform.os !== "linux") return "it is Linux's";
  if (manager === "systemd") {
    // sd_booted(3).
    if ((await host.facts("/run/systemd/system")) === null) return "this machine was not booted with it";
    return (await host.which("systemctl")) === null ? "systemctl is missing" : null;
  }
  // OpenRC keeps its state there from boot on; in a container it is installed at most.
  if ((await host.facts("/run/openrc/softlevel")) === null) return "this machine was not booted with it";
  return (await host.which("rc-update")) === null ? "rc-update is missing" : null;
}
