/** Mandatory access control (SELinux, AppArmor): whether it is in force, and what that means for a prefix. Reads only, changes nothing. */
import type { Host } from "./types.ts";

/** What is in force and what it means. */
export interface MandatoryAccess {
  readonly system: "selinux" | "apparmor" | "none";
  /** Null: it is there, and its state cannot be read. */
  readonly enforcing: boolean | null;
  /** For people: what it does to us, or that it does nothing. */
  readonly messages: readonly string[];
  /** What an administrator would run as root, in order; empty when nothing stands in the way. */
  readonly commands: readonly (readonly string[])[];
}

/** What is asked about. */
export interface MandatoryOptions {
  readonly prefix: string;
  /** Store outputs that the server runs from. */
  readonly outputs: readonly string[];
}

/** What mandatory access control means for a server of this prefix. */
export async function mandatoryAccess(host: Host, options: MandatoryOptions): Promise<MandatoryAccess> {
  if (host.platform.os !== "linux") return nothing;
  const enforce = await host.readFile("/sys/fs/selinux/enforce");
  if (enforce !== null) return selinux(host, options, enforce.trim());
  const enabled = (await host.readFile("/sys/module/apparmor/parameters/enabled"))?.trim();
  return enabled === "Y" ? apparmor(host, options.prefix) : nothing;
}

const nothing: MandatoryAccess = { system: "none", enforcing: false, messages: [], commands: [] };

/** Types that a service manager may start a program from, and its processes load a library from. */
const programTypes = /:(?:bin_t|lib_t|textrel_shlib_t)(?::|$)/;

async function selinux(host: Host, options: MandatoryOptions, enforce: string): Promise<MandatoryAccess> {
  const system = "selinux";
  if (enforce === "0")
    return { system, enforcing: false, messages: ["SELinux is permissive: it logs and refuses nothing"], commands: [] };
  if (enforce !== "1")
    return {
      system,
      enforcing: null,
      messages: ["SELinux is there, and whether it is enforcing is not known"],
      commands: [],
    };
  const labels = await Promise.all(options.outputs.map((output) => labelOf(host, `${output}/bin`)));
  const wrong = options.outputs.filter((_, index) => labels[index] === null || !programTypes.test(labels[index] ?? ""));
  if (wrong.length === 0)
    return {
      system,
      enforcing: true,
      messages: ["SELinux is enforcing; our programs have the type of programs"],
      commands: [],
    };
  const first = labels[options.outputs.indexOf(wrong[0] ?? "")];
  const told = first === null || first === undefined ? "a context that cannot be read" : `the context ${first}`;
  return {
    system,
    enforcing: true,
    messages: [
      `SELinux is enforcing, and ${wrong[0] ?? ""}/bin has ${told}: a service may be refused to start from it`,
      "tlsforge changes no policy; the commands give our programs and libraries the type of programs and libraries",
    ],
    commands: await labelCommands(host, options.prefix, wrong),
  };
}

/** semanage keeps a rule, so that the next relabelling keeps the type; without it a type is set and may be lost then. */
async function labelCommands(
  host: Host,
  prefix: string,
  outputs: readonly string[],
): Promise<readonly (readonly string[])[]> {
  if ((await host.which("semanage")) !== null) {
    const store = `${prefix.replaceAll(/[.*+?^$()[\]{}|\\]/g, String.raw`\$&`)}/store/[^/]+`;
    return [
      ["semanage", "fcontext", "-a", "-t", "bin_t", `${store}/bin(/.*)?`],
      ["semanage", "fcontext", "-a", "-t", "lib_t", `${store}/lib(/.*)?`],
      ["restorecon", "-RF", `${prefix}/store`],
    ];
  }
  return outputs.flatMap((output) => [
    ["chcon", "-R", "-t", "bin_t", `${output}/bin`],
    ["chcon", "-R", "-t", "lib_t", `${output}/lib`],
  ]);
}

async function labelOf(host: Host, path: string): Promise<string | null> {
  const answer = await host.exec(["stat", "-c", "%C", path], { timeoutSeconds: 10 });
  const label = answer.stdout.trim();
  return answer.exitCode === 0 && label.includes(":") ? label : null;
}

/** A program without a profile of its own is unconfined. */
async function apparmor(host: Host, prefix: string): Promise<MandatoryAccess> {
  const system = "apparmor";
  const files = await host.list("/etc/apparmor.d");
  const texts = await Promise.all(files.map((name) => host.readFile(`/etc/apparmor.d/${name}`)));
  const naming = files.filter((_, index) => namesPath(texts[index] ?? "", prefix));
  const loaded = await loadedProfiles(host);
  const inForce = (loaded ?? []).filter((line) => line.startsWith(`${prefix}/`) || line.startsWith(`${prefix} `));
  if (naming.length + inForce.length > 0)
    return {
      system,
      enforcing: loaded === null ? null : inForce.some((line) => line.endsWith("(enforce)")),
      messages: [
        `AppArmor has a profile that names ${prefix}: ${[...naming.map((name) => `/etc/apparmor.d/${name}`), ...inForce].join(", ")}`,
        'tlsforge changes no profile; when the server is refused something, the kernel\'s log names it (apparmor="DENIED")',
      ],
      commands: [],
    };
  const doubt = loaded === null ? ", as far as its files tell: only root may see what is loaded" : "";
  return {
    system,
    enforcing: loaded === null ? null : loaded.some((line) => line.endsWith("(enforce)")),
    messages: [`AppArmor is on; no profile names ${prefix}, so our programs are unconfined${doubt}`],
    commands: [],
  };
}

async function loadedProfiles(host: Host): Promise<readonly string[] | null> {
  try {
    const text = await host.readFile("/sys/kernel/security/apparmor/profiles");
    return text === null ? null : text.split("\n").filter((line) => line !== "");
  } catch {
    return null;
  }
}

/** Whether a profile's text names a path or something below it, comments aside. */
function namesPath(text: string, path: string): boolean {
  return text
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .some((line) => line.split(/[\s"]+/).some((word) => word === path || word.startsWith(`${path}/`)));
}
