import { existsSync, readFileSync } from "node:fs";
import { arch, platform, tmpdir } from "node:os";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import { trySeal } from "./trial.ts";

/** How far builds can be kept to themselves on this machine, found by trying. */
export interface Seal {
  readonly grade: "full" | "namespaces" | "landlock" | "none";
  /** The kernel's version of Landlock (its ABI number, landlock(7)); 0 where it has none. */
  readonly landlock: number;
  /** `closed`: nothing gets out. `tcp`: TCP alone is closed. */
  readonly network: "closed" | "tcp" | "open";
  /** What was refused on the way to a fuller seal, and by whom. */
  readonly refused: readonly string[];
  /** What would make it full; null when it is, or when nothing is known that would. */
  readonly remedy: string | null;
  /** The program and arguments that a command is put behind; empty without a seal. */
  readonly command: readonly string[];
  /** Folders of people, which no build sees. */
  readonly homes: readonly string[];
  /** It could be more as soon as there is a perl. */
  readonly perlMissing: boolean;
}

/** What a seal is looked for with. */
export interface SealSearch {
  /** Absolute path of `seal.pl`. */
  readonly script: string;
  /** The PATH of the caller, for a perl outside of the standard folders. */
  readonly path: string;
  readonly homes: readonly string[];
  /** Which ways are tried, fullest first; for tests of what a lesser machine has. */
  readonly ways?: readonly (readonly string[])[];
}

const standardFolders = ["/usr/bin", "/bin", "/usr/local/bin"];
const allWays = [["--namespaces"], ["--namespaces", "--no-pid"], []] as const;
const found = new Map<string, Promise<Seal>>();

/**
 * Finds the fullest seal that this machine gives, by making each in turn around nothing. Tried once for a search; about 10 ms. Never rejects for
 * what the machine refuses; throws ForgeError `build-failed` when that could not be found out, and `interrupted`.
 */
export function findSeal(search: SealSearch, signal?: AbortSignal): Promise<Seal> {
  const key = JSON.stringify(search);
  const known = found.get(key) ?? tryWays(search, signal);
  found.set(key, known);
  const forget = (): void => void found.delete(key);
  void known.then(({ perlMissing }) => perlMissing && forget(), forget);
  return known;
}

async function tryWays(
  { script, path: folders, homes, ways = allWays }: SealSearch,
  signal: AbortSignal | undefined,
): Promise<Seal> {
  const none = { grade: "none", landlock: 0, network: "open", command: [], homes, perlMissing: false } as const;
  const processor = { x64: "x86_64", arm64: "aarch64" }[arch() as string];
  if (platform() !== "linux" || processor === undefined)
    return { ...none, refused: [`this is ${platform()} on ${arch()}`], remedy: null };
  // Who has started a seal, and what a program leaves behind, is read there.
  if (!existsSync("/proc/self"))
    return { ...none, refused: ["/proc is not mounted"], remedy: "mount it: mount -t proc proc /proc" };
  if (!existsSync(script)) return { ...none, refused: [`${script} is not there`], remedy: "install tlsforge again" };
  const perl = [...standardFolders, ...folders.split(path.delimiter)]
    .map((folder) => path.join(folder, "perl"))
    .find((file) => path.isAbsolute(file) && existsSync(file));
  if (perl === undefined)
    return { ...none, refused: ["there is no perl to make it with"], remedy: "install perl", perlMissing: true };
  const refused: string[] = [];
  const environment = sealPaths({ in: ["/"], own: ["/tmp"], hide: ["/root"], write: [tmpdir()] });
  for (const way of ways) {
    const command = [perl, script, "--arch", processor, ...way];
    const argv = [...command, "--probe", "--", "true"];
    const answer = await trySeal({ argv, environment, patience: 20_000, signal });
    if (!answer.fits) {
      refused.push(answer.refused);
      continue;
    }
    const told = /^sealed abi=(\d+) network=(closed|tcp|open)$/mu.exec(answer.stdout);
    if (told === null) throw new Error(`seal.pl does not say what it has made: ${answer.stdout}`);
    const landlock = Number(told[1]);
    const grade = way.length === 0 ? "landlock" : landlock >= 2 ? "full" : "namespaces";
    const network = told[2] as Seal["network"];
    return { ...none, grade, landlock, network, refused: distinct(refused), remedy: remedyFor(grade), command };
  }
  return { ...none, refused: distinct(refused), remedy: remedyFor("none") };
}

/** The paths of a seal as `seal.pl` reads them from its environment. */
export function sealPaths(paths: Readonly<Record<string, readonly string[]>>): Record<string, string> {
  const escaped = (file: string): string => file.replaceAll("%", "%25").replaceAll("\n", "%0A");
  const lines = Object.entries(paths).flatMap(([what, files]) => files.map((file) => `${what} ${escaped(file)}\n`));
  return { TLSFORGE_SEAL: lines.join("") };
}

/**
 * The seal in one plain sentence, for receipts, records and people: `sealed: `, `sealed in part: ` with what is open, or `not sealed: `. `online`:
 * the steps that have the network all the same, as people read them.
 */
export function sealText(
  seal: Pick<Seal, "grade" | "landlock" | "network" | "refused" | "command">,
  online: readonly string[] = [],
): string {
  if (seal.grade === "none") return `not sealed: ${seal.refused.join("; ")}`;
  const network = { closed: "no network", tcp: "no TCP", open: "network not sealed" }[seal.network];
  const open = [...openings(seal), ...online.map((step) => `the network to the step "${brief(step)}"`)];
  const told = open.length === 0 ? "" : `; open: ${open.join(", ")}`;
  return `sealed${told && " in part"}: ${network}, writes only to its own folders${told} (${meansOf(seal)})`;
}

/**
 * What a sealed program reaches of the machine all the same. Landlock has no right for connecting to a Unix socket with a path, nor for
 * a file's mode, owner and times; one for truncation from ABI 3 on, and a scope for signals from ABI 6 on (landlock(7)). That for lists of names
 * would close every folder above a hidden one as well.
 */
function openings({ grade, landlock, network, command }: Parameters<typeof sealText>[0]): readonly string[] {
  const alone = grade === "landlock";
  return [
    ...(network === "tcp" ? ["network other than TCP"] : []),
    ...(alone && network !== "closed" ? ["System V and POSIX queues, semaphores and memory"] : []),
    ...(alone
      ? [
          "local services by Unix sockets",
          "writes to /dev/shm",
          "modes, owners and times of files",
          "names of hidden files",
        ]
      : []),
    ...(alone && landlock < 3 ? ["truncation of files"] : []),
    ...((alone || command.includes("--no-pid")) && landlock < 6 ? ["signals to other processes"] : []),
  ];
}

function meansOf({ grade, landlock, network }: Parameters<typeof sealText>[0]): string {
  if (grade === "full") return `namespaces, Landlock ABI ${landlock}`;
  if (grade === "namespaces") return "namespaces, without Landlock";
  return `Landlock ABI ${landlock} ${network === "closed" ? "and a filter for sockets, without namespaces" : "alone"}`;
}

/** Whether what a receipt says of its build's seal is that nothing was open. One that says nothing was not sealed. */
export function isWhole(
  seal: (Pick<Seal, "grade"> & { readonly text: string; readonly network: readonly string[] }) | undefined,
): boolean {
  if (seal === undefined || seal.network.length > 0) return false;
  return ["full", "namespaces"].includes(seal.grade) && seal.text.startsWith("sealed:");
}

/** Throws ForgeError `sandbox-missing` when a step has the network. `online`: those that have, as people read them. */
export function requireNoNetwork(online: readonly string[]): void {
  if (online.length === 0) return;
  throw new ForgeError(
    "sandbox-missing",
    `a build would have the network, and --require-sandbox was given: ${online.map(brief).join(", ")}`,
    {
      hint: "make what the step fetches a source of its recipe and take out `network: true`; or add --offline, which keeps the network from the step as well; or leave out --require-sandbox",
    },
  );
}

/** Throws ForgeError `sandbox-missing` when the seal is not whole. */
export function requireSeal(seal: Seal): void {
  if (isWhole({ grade: seal.grade, text: sealText(seal), network: [] })) return;
  throw new ForgeError(
    "sandbox-missing",
    `builds cannot be sealed whole here, and --require-sandbox was given: ${sealText(seal)}`,
    {
      details: seal.refused,
      hint: seal.remedy ?? "build on Linux on x86_64 or aarch64 that gives namespaces, or leave out --require-sandbox",
    },
  );
}

/** A step in a sentence: its argv may be a script. */
function brief(step: string): string {
  const line = step.replaceAll(/\s+/gu, " ");
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/** What the machine's own settings say about why namespaces are refused. */
function remedyFor(grade: Seal["grade"]): string | null {
  if (grade === "full" || grade === "namespaces") return null;
  const settings = [
    ["kernel.unprivileged_userns_clone", "0", "1"],
    ["kernel.apparmor_restrict_unprivileged_userns", "1", "0"],
    ["user.max_user_namespaces", "0", "15000"],
  ] as const;
  for (const [name, closed, open] of settings)
    if (setting(name) === closed) return `as root: sysctl -w ${name}=${open} (${name} is ${closed})`;
  return inContainer()
    ? "start the container with --security-opt seccomp=unconfined, or with --cap-add SYS_ADMIN; its filter refuses namespaces"
    : "let this user make namespaces: see unshare(1), and what seccomp, SELinux or AppArmor refuse here";
}

function setting(name: string): string | null {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").trim();
  } catch {
    return null;
  }
}

function inContainer(): boolean {
  return ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"].some((file) => existsSync(file));
}

/** Each text once, in the order given. */
export function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
