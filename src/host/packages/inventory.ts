/** What of the machine's packages is there, and what an installation or a removal would change. Only reads. */
import type { Host } from "../types.ts";
import { alternativesOf } from "./candidates.ts";
import type { PackageManager } from "./managers.ts";
import { parseAptVersions, type Simulated } from "./simulation.ts";

/** Installed packages. `broken`: an installation was cut off, and some package is neither there nor gone. Null when the list cannot be had. */
export async function listPackages(
  host: Host,
  manager: PackageManager,
): Promise<{ installed: ReadonlySet<string>; broken: boolean } | null> {
  const answer = await host.exec(manager.list, { timeoutSeconds: 60 });
  if (answer.exitCode !== 0) return null;
  const lines = answer.stdout.split("\n").map((line) => line.trim().split(" "));
  const installed = lines.flatMap(([name = "", status]) =>
    name !== "" && (status === undefined || status === "installed") ? [name] : [],
  );
  const halfway = /^(?:half-installed|unpacked|half-configured|triggers-awaited|triggers-pending)$/;
  return { installed: new Set(installed), broken: lines.some(([, status = ""]) => halfway.test(status)) };
}

/** Those of the wanted names that nothing installed gives. */
export async function missingOf(
  host: Host,
  manager: PackageManager,
  { wanted, installed }: { readonly wanted: readonly string[]; readonly installed: ReadonlySet<string> },
): Promise<readonly string[]> {
  const there = await Promise.all(
    wanted.map(async (entry) => {
      if (alternativesOf(entry).some(({ name }) => installed.has(name))) return true;
      if (!/[(/]/.test(entry) || manager.provided === undefined) return false;
      return (await host.exec(manager.provided(entry), { timeoutSeconds: 60 })).exitCode === 0;
    }),
  );
  return wanted.filter((_, index) => there[index] !== true);
}

/**
 * What installing would do: `names` as they are to be given to the manager, and what comes of it. `simulated` is null where the manager does
 * not tell; `problem`: the installation cannot be done, in the manager's words.
 */
export interface Outlook {
  readonly names: readonly string[];
  readonly simulated: Simulated | null;
  readonly problem?: string;
  /** Only root is told, and will be asked before anything is changed. */
  readonly later?: true;
}

/** What is looked ahead at. `certain`: a change follows, so what is not told without privilege is asked for with it. */
export interface Prospect {
  readonly names: readonly string[];
  readonly installed: ReadonlySet<string>;
  readonly certain: boolean;
}

/** Looks ahead. Where an upgrade is only for the sake of a newer sibling, the sibling is asked for in the version that fits what is there. */
export async function lookAhead(
  host: Host,
  manager: PackageManager,
  { names, installed, certain }: Prospect,
): Promise<Outlook> {
  const first = await simulate(host, manager, { names, installed, certain });
  if (host.packageFamily !== "apt" || first.text === null) return { names, ...first.outlook };
  let pinned = names;
  let { text } = first;
  for (let round = 0; round < pinRounds; round += 1) {
    const pins = pinsOf(text);
    if (pins.length === 0) break;
    pinned = withPins(pinned, pins);
    const next = await simulate(host, manager, { names: pinned, installed, certain });
    if (next.text === null) break;
    if (changesOthers(next.outlook.simulated) === null) return { names: pinned, ...next.outlook };
    text = next.text;
  }
  return { names, ...first.outlook };
}

/** A pinned package may need another one in the same version. */
const pinRounds = 4;

/** In words, what would happen to packages that nobody asked for; null when nothing would, or nobody knows. */
export function changesOthers(simulated: Simulated | null): string | null {
  if (simulated === null) return null;
  const { upgrades, removals } = simulated;
  const parts = [
    ...(upgrades.length === 0 ? [] : [`upgrade ${upgrades.join(", ")}`]),
    ...(removals.length === 0 ? [] : [`remove ${removals.join(", ")}`]),
  ];
  return parts.length === 0 ? null : parts.join(" and ");
}

/**
 * Which of `names` can be removed without taking along anything else, and what needs the others. Null when that cannot be told. Where the
 * remover refuses by itself and tells nothing beforehand, all of them.
 */
export async function removable(
  host: Host,
  manager: PackageManager,
  names: readonly string[],
): Promise<{ readonly names: readonly string[]; readonly others: readonly string[] } | null> {
  if (manager.checkRemoval !== undefined) {
    const answer = await host.exec(manager.checkRemoval(names), { timeoutSeconds: 60 });
    return answer.exitCode === 0 ? { names, others: [] } : null;
  }
  const whole = await takenAlong(host, manager, names);
  if (whole === null || whole.length === 0) return whole === null ? null : { names, others: [] };
  const each = await Promise.all(names.map(async (name) => ({ name, along: await takenAlong(host, manager, [name]) })));
  if (each.some(({ along }) => along === null)) return null;
  const ours = new Set(names);
  const free = each.filter(({ along }) => along?.every((other) => ours.has(other)) === true).map(({ name }) => name);
  return { names: free, others: whole };
}

async function takenAlong(
  host: Host,
  manager: PackageManager,
  names: readonly string[],
): Promise<readonly string[] | null> {
  if (manager.simulate === undefined) return [];
  const answer = await host.exec(manager.simulate(names), { timeoutSeconds: 60 });
  if (answer.exitCode !== 0) return null;
  const removed = [...answer.stdout.matchAll(/^Remv (\S+)/gm)].map((match) => (match[1] ?? "").split(":")[0] ?? "");
  return removed.filter((name) => !names.includes(name));
}

async function simulate(
  host: Host,
  manager: PackageManager,
  { names, installed, certain }: Prospect,
): Promise<{ readonly text: string | null; readonly outlook: Omit<Outlook, "names"> }> {
  const { dryRun } = manager;
  if (dryRun === undefined) return { text: null, outlook: { simulated: null } };
  const argv = dryRun.argv(names);
  const plain = await host.exec(argv, { timeoutSeconds: 60 });
  const withheld = host.uid !== 0 && dryRun.needsRoot?.(`${plain.stdout}${plain.stderr}`) === true;
  if (withheld && !certain) return { text: null, outlook: { simulated: null, later: true } };
  const why = "what an installation would change is told to root alone";
  const answer = withheld ? await host.elevated(argv, why, { timeoutSeconds: 60 }) : plain;
  if (!(dryRun.exitCodes ?? [0]).includes(answer.exitCode)) {
    const problem = saying(dryRun, lastLine(answer.stderr) || `exit code ${answer.exitCode}`);
    return { text: null, outlook: { simulated: null, ...(dryRun.reliable === true ? { problem } : {}) } };
  }
  const simulated = dryRun.parse(answer.stdout, installed);
  if (simulated !== null) return { text: answer.stdout, outlook: { simulated } };
  const shown = lastLine(answer.stderr) || lastLine(answer.stdout) || "nothing";
  const problem = `${saying(dryRun, shown)}: what else it would change is not understood; install ${names.join(" ")} yourself`;
  return { text: null, outlook: { simulated, problem } };
}

function saying({ argv }: NonNullable<PackageManager["dryRun"]>, words: string): string {
  const program = argv([])
    .filter((word) => !word.startsWith("-"))
    .join(" ");
  return `${program} says: ${words}`;
}

function lastLine(text: string): string {
  return (
    text
      .trim()
      .split("\n")
      .at(-1)
      ?.replaceAll(/\p{Cc}+/gu, " ") ?? ""
  );
}

/** New packages that are the same release as something that would be upgraded for them, each with the version that is there. */
function pinsOf(text: string): readonly { readonly name: string; readonly version: string }[] {
  const lines = parseAptVersions(text);
  return lines
    .filter((line) => line.old === null)
    .flatMap((fresh) => {
      const sibling = lines.find((line) => line.old !== null && line.new === fresh.new);
      const version = sibling?.old ?? null;
      return version === null ? [] : [{ name: fresh.name, version }];
    });
}

function withPins(
  names: readonly string[],
  pins: readonly { readonly name: string; readonly version: string }[],
): readonly string[] {
  const pinned = new Set(pins.map(({ name }) => name));
  const others = names.filter((entry) => !pinned.has(entry.split("=")[0] ?? entry));
  return [...others, ...pins.map(({ name, version }) => `${name}=${version}`)];
}
