import type { Host, Resource } from "../types.ts";
import { planBase } from "./kind.ts";
import type { ResourceKind } from "./kind.ts";

type Firewall = Extract<Resource, { kind: "firewall" }>;

/** What the machine's firewall would have to let in. Only ever told: whom to let in is not for a server to decide. */
export const firewall: ResourceKind<Firewall> = {
  async plan(host, resource) {
    const found = await firewallOf(host, resource.ports);
    const told = {
      current: found.name === null ? "no firewall that tlsforge knows" : `${found.name} is on`,
      desired: `tcp ${resource.ports.join(", ")} let in`,
      why: "clients have to reach the server",
    };
    const effect = found.commands.length === 0 ? undefined : adviceOf(found);
    return {
      ...planBase(resource),
      ...told,
      action: "none",
      commands: [],
      ...(effect === undefined ? {} : { effect }),
    };
  },

  remember: () => Promise.resolve({}),
  adopt: () => Promise.resolve(null),
  undo: () => Promise.resolve({ action: "none", commands: [], detail: "tlsforge never changed the firewall" }),
  quickCheck: () => Promise.resolve(true),
  remedy: () => "see the firewall's own documentation",
};

interface Found {
  readonly name: string | null;
  /** Which ports it does not let in for certain; commands that would. */
  readonly commands: readonly string[];
  /** Whether its rules could be read. */
  readonly certain: boolean;
}

function adviceOf({ name, commands, certain }: Found): string {
  const state = certain ? `${name ?? ""} does not let it in` : `whether ${name ?? ""} lets it in is not known`;
  return `${state}; tlsforge changes no firewall, this would: ${commands.join("; ")}`;
}

async function firewallOf(host: Host, ports: readonly number[]): Promise<Found> {
  const looks = [ufw, firewalld, pf, nft];
  for (const look of looks) {
    const found = await look(host, ports);
    if (found !== null) return found;
  }
  return { name: null, commands: [], certain: false };
}

/** ufw(8): its settings are everybody's to read, its rules root's. */
async function ufw(host: Host, ports: readonly number[]): Promise<Found | null> {
  const settings = await host.readFile("/etc/ufw/ufw.conf");
  if (settings === null || !/^ENABLED=yes$/im.test(settings)) return null;
  const rules = host.uid === 0 ? await host.exec(["ufw", "status"], { timeoutSeconds: 20 }) : null;
  const certain = rules?.exitCode === 0;
  const open = (port: number): boolean =>
    certain && new RegExp(String.raw`^${port}(?:/tcp)?\s+ALLOW\s+Anywhere`, "m").test(rules.stdout);
  return { name: "ufw", certain, commands: ports.filter((port) => !open(port)).map((port) => `ufw allow ${port}/tcp`) };
}

/** firewall-cmd(1): exit 0 for a yes, 1 for a no, 252 when the daemon does not run. */
async function firewalld(host: Host, ports: readonly number[]): Promise<Found | null> {
  if ((await host.which("firewall-cmd")) === null) return null;
  const state = await host.exec(["firewall-cmd", "--state"], { timeoutSeconds: 20 });
  if (state.exitCode !== 0) return null;
  const answers = await Promise.all(
    ports.map((port) => host.exec(["firewall-cmd", `--query-port=${port}/tcp`], { timeoutSeconds: 20 })),
  );
  return {
    name: "firewalld",
    certain: answers.every(({ exitCode }) => exitCode === 0 || exitCode === 1),
    commands: ports.flatMap((port, index) =>
      answers[index]?.exitCode === 0
        ? []
        : [`firewall-cmd --permanent --add-port=${port}/tcp && firewall-cmd --reload`],
    ),
  };
}

async function pf(host: Host, ports: readonly number[]): Promise<Found | null> {
  if (host.platform.os !== "freebsd") return null;
  if (!/^pf_enable="?yes"?/im.test((await host.readFile("/etc/rc.conf")) ?? "")) return null;
  const line = `pass in proto tcp to port { ${ports.join(" ")} }`;
  return { name: "pf", certain: false, commands: [`"${line}" in /etc/pf.conf, then pfctl -f /etc/pf.conf`] };
}

/** A chain for what comes in whose policy is to drop. Only root may list the rules. */
async function nft(host: Host, ports: readonly number[]): Promise<Found | null> {
  if (host.platform.os !== "linux" || host.uid !== 0 || (await host.which("nft")) === null) return null;
  const rules = await host.exec(["nft", "list", "ruleset"], { timeoutSeconds: 20 });
  if (rules.exitCode !== 0 || !/hook input priority [^;]+;\s*policy drop;/.test(rules.stdout)) return null;
  const line = `tcp dport { ${ports.join(", ")} } accept`;
  return { name: "nftables", certain: false, commands: [`"${line}" in its input chain`] };
}
