import type { Host, Resource } from "../types.ts";
import { accountTools, findAccount, findGroup, isNoLogin, nameReason, ourComment } from "./accounts.ts";
import type { Account } from "./accounts.ts";
import { blocked, planBase } from "./kind.ts";
import type { RecordData, ResourceKind } from "./kind.ts";

type User = Extract<Resource, { kind: "user" }>;

/** The service's own account: nobody logs in to it, and its group is its only one. One that is there already is used when it is such, and then is not ours to remove. */
export const user: ResourceKind<User> = {
  async plan(host, resource) {
    const { name, group } = resource;
    const [account, owning, tools] = await Promise.all([
      findAccount(host, name),
      findGroup(host, group),
      accountTools(host),
    ]);
    const told = {
      current: account === null ? null : describe(account),
      desired: `system account ${name}, group ${group}, no login`,
      why: "the server runs as a user of its own",
    };
    const reason = nameReason(name) ?? (account === null ? null : accountReason(account, owning?.gid ?? null));
    if (reason !== null) return blocked(resource, { ...told, reason });
    if (account !== null) return { ...planBase(resource), ...told, action: "none", commands: [] };
    if (typeof tools === "string") return blocked(resource, { ...told, reason: tools });
    return { ...planBase(resource), ...told, action: "create", commands: [tools.addUser(resource)] };
  },

  remember: (_host, { name }) => Promise.resolve({ name }),
  settle: (host, resource) => recordData(host, resource),

  async adopt(host, resource) {
    const account = await findAccount(host, resource.name);
    return account?.comment === ourComment ? recordData(host, resource) : null;
  },

  async undo(host, record) {
    const { name = "", uid } = record.data;
    const account = await findAccount(host, name);
    if (account === null) return { action: "none", commands: [], detail: `there is no account ${name} any more` };
    if (uid !== undefined && String(account.uid) !== uid)
      return {
        action: "blocked",
        commands: [],
        detail: `account ${name} has uid ${account.uid} now, not ${uid}`,
        foreign: true,
      };
    if (account.comment !== ourComment)
      return { action: "blocked", commands: [], detail: `account ${name} was changed since tlsforge made it` };
    const tools = await accountTools(host);
    if (typeof tools === "string") return { action: "blocked", commands: [], detail: tools };
    return { action: "delete", commands: [tools.deleteUser(name)], detail: `account ${name} is removed` };
  },

  async quickCheck(host, record) {
    const { name = "", uid, gid } = record.data;
    const account = await findAccount(host, name);
    return account !== null && String(account.uid) === uid && String(account.gid) === gid && isNoLogin(account.shell);
  },

  remedy(argv) {
    return argv.includes("userdel") || argv[0] === "deluser"
      ? "end the processes of that account, then run tlsforge again"
      : "see whether /etc/passwd can be written and is not locked";
  },
};

async function recordData(host: Host, { name }: User): Promise<RecordData> {
  const account = await findAccount(host, name);
  return account === null ? { name } : { name, uid: String(account.uid), gid: String(account.gid) };
}

/** Why an account of that name is not one that a server may run as. */
function accountReason(account: Account, gid: number | null): string | null {
  const { name, uid, shell } = account;
  const advice = "choose another prefix, or remove that account";
  if (uid === 0) return `${name} is root`;
  if (uid >= 1000) return `${name} is there as uid ${uid}, which is an ordinary user's: ${advice}`;
  if (!isNoLogin(shell)) return `${name} is there and can log in (${shell}): ${advice}`;
  return gid !== null && gid !== account.gid
    ? `${name} is there with group ${account.gid}, not ${gid}: ${advice}`
    : null;
}

function describe({ name, uid, gid, shell }: Account): string {
  return `${name}, uid ${uid}, gid ${gid}, ${shell}`;
}
