/** Accounts as the system's own programs and files tell them, and the three families of programs that make them. */
import { ForgeError } from "../../errors.ts";
import type { Host, HostCommand } from "../types.ts";
import { asRoot } from "./kind.ts";

/** A line of passwd(5). */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly comment: string;
  readonly home: string;
  readonly shell: string;
}

/** A line of group(5). */
export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** What stands in the comment of an account that we made, by which it is known without any record. */
export const ourComment = "tlsforge service account";

/** The accounts of a passwd(5) text. */
export function accountsIn(text: string): readonly Account[] {
  return fieldsOf(text, 7).map(([name = "", , uid, gid, comment = "", home = "", shell = ""]) => ({
    name,
    uid: Number(uid),
    gid: Number(gid),
    comment,
    home,
    shell,
  }));
}

/** The groups of a group(5) text. */
export function groupsIn(text: string): readonly Group[] {
  return fieldsOf(text, 4).map(([name = "", , gid, members = ""]) => ({
    name,
    gid: Number(gid),
    members: members.split(",").filter((member) => member !== ""),
  }));
}

function fieldsOf(text: string, count: number): readonly (readonly string[])[] {
  return text
    .split("\n")
    .map((line) => line.split(":"))
    .filter((fields) => fields.length >= count && fields[0] !== "");
}

/**
 * An account by name, also one that a directory service gives; null when there is none. This is the only look-up of accounts: the system's own,
 * where it has one, since that is what a service manager and chown(1) go by. Throws `host-failed` when it cannot be told.
 */
export async function findAccount(host: Host, name: string): Promise<Account | null> {
  const line = await entry(host, "passwd", name);
  return accountsIn(line).find((account) => account.name === name) ?? null;
}

/** A group by name, like `findAccount`. */
export async function findGroup(host: Host, name: string): Promise<Group | null> {
  const line = await entry(host, "group", name);
  return groupsIn(line).find((group) => group.name === name) ?? null;
}

/** The accounts of this machine's own file whose primary group has this number: no system's getent(1) can be asked by group. */
export async function accountsOfGroup(host: Host, gid: number): Promise<readonly Account[]> {
  const text = (await host.readFile("/etc/passwd")) ?? "";
  return accountsIn(text).filter((account) => account.gid === gid);
}

/** Linux's and FreeBSD's getent(1) both say 2 for "none of that name". */
async function entry(host: Host, database: "passwd" | "group", name: string): Promise<string> {
  const asked = (await host.which("getent")) !== null;
  const answer = asked ? await host.exec(["getent", database, name], { timeoutSeconds: 20 }) : null;
  if (answer?.exitCode === 0) return answer.stdout;
  const text = (await host.readFile(`/etc/${database}`)) ?? "";
  const inFile = text.split("\n").some((line) => line.startsWith(`${name}:`));
  if (inFile || answer === null || answer.exitCode === 2) return text;
  throw new ForgeError("host-failed", `whether ${database} has ${name} cannot be told`, {
    details: [`getent ${database} ${name}: exit ${answer.exitCode}`, answer.stderr.trim()].filter(Boolean),
    hint: "see what that command says, and whether the directory service answers",
  });
}

/** Whether nobody can log in with this shell. */
export function isNoLogin(shell: string): boolean {
  return /\/(?:nologin|false)$/.test(shell);
}

/** Why a name cannot be an account's; null when it can. What every family takes. */
export function nameReason(name: string): string | null {
  return /^[a-z_][a-z0-9_-]{0,30}$/.test(name) ? null : `${JSON.stringify(name)} cannot be the name of an account`;
}

/** The commands of a family of account programs. */
export interface AccountTools {
  addGroup(name: string): HostCommand;
  deleteGroup(name: string): HostCommand;
  addUser(user: { readonly name: string; readonly group: string; readonly home: string }): HostCommand;
  deleteUser(name: string): HostCommand;
}

/** The programs that this machine makes accounts with; a text says why there are none. */
export async function accountTools(host: Host): Promise<AccountTools | string> {
  if (host.platform.os === "darwin") return "tlsforge makes no accounts on macOS";
  if (host.platform.os === "freebsd") return pw(await freeNumber(host));
  if ((await host.which("useradd")) !== null && (await host.which("groupadd")) !== null) {
    const shell = (await host.facts("/usr/sbin/nologin")) === null ? "/sbin/nologin" : "/usr/sbin/nologin";
    return shadow(shell);
  }
  // Debian has an `adduser` of its own, which comes with useradd.
  if ((await host.which("adduser")) !== null && (await host.which("addgroup")) !== null) return busybox;
  return "neither useradd (shadow) nor adduser (busybox) is here";
}

function shadow(shell: string): AccountTools {
  return {
    addGroup: (name) => asRoot("groupadd", "--system", name),
    deleteGroup: (name) => asRoot("groupdel", name),
    addUser: ({ name, group, home }) =>
      commandOf(
        ["useradd", "--system", "--gid", group, "--home-dir", home, "--no-create-home"],
        ["--shell", shell, "--comment", ourComment, name],
      ),
    deleteUser: (name) => asRoot("userdel", name),
  };
}

const busybox: AccountTools = {
  addGroup: (name) => asRoot("addgroup", "-S", name),
  deleteGroup: (name) => asRoot("delgroup", name),
  addUser: ({ name, group, home }) =>
    asRoot("adduser", "-S", "-D", "-H", "-h", home, "-s", "/sbin/nologin", "-g", ourComment, "-G", group, name),
  deleteUser: (name) => asRoot("deluser", name),
};

/** pw(8) takes the next number of ordinary users unless it is told one. */
function pw(number: number): AccountTools {
  return {
    addGroup: (name) => asRoot("pw", "groupadd", "-n", name, "-g", String(number)),
    deleteGroup: (name) => asRoot("pw", "groupdel", "-n", name),
    addUser: ({ name, group, home }) =>
      commandOf(
        ["pw", "useradd", "-n", name, "-u", String(number), "-g", group],
        ["-d", home, "-s", "/usr/sbin/nologin", "-c", ourComment],
      ),
    deleteUser: (name) => asRoot("pw", "userdel", "-n", name),
  };
}

/** The highest number below those of ordinary users that neither an account nor a group has. */
async function freeNumber(host: Host): Promise<number> {
  const [accounts, groups] = await Promise.all([host.readFile("/etc/passwd"), host.readFile("/etc/group")]);
  const taken = new Set([
    ...accountsIn(accounts ?? "").map((account) => account.uid),
    ...groupsIn(groups ?? "").map((group) => group.gid),
  ]);
  return Array.from({ length: 900 }, (_, index) => 999 - index).find((number) => !taken.has(number)) ?? 999;
}

function commandOf(...parts: readonly (readonly string[])[]): HostCommand {
  return asRoot(...parts.flat());
}
