import type { Host, Resource } from "../types.ts";
import { accountTools, accountsOfGroup, findGroup, nameReason, ourComment } from "./accounts.ts";
import type { Group } from "./accounts.ts";
import { blocked, planBase } from "./kind.ts";
import type { RecordData, ResourceKind } from "./kind.ts";

type SystemGroup = Extract<Resource, { kind: "group" }>;

/** The service's group. A system group of that name that is there already is used, and then is not ours to remove. */
export const group: ResourceKind<SystemGroup> = {
  async plan(host, resource) {
    const { name } = resource;
    const [found, tools] = await Promise.all([findGroup(host, name), accountTools(host)]);
    const told = {
      current: found === null ? null : `${name}, gid ${found.gid}`,
      desired: `system group ${name}`,
      why: "the server's files are for its group alone",
    };
    const reason = nameReason(name) ?? (found === null ? null : groupReason(found));
    if (reason !== null) return blocked(resource, { ...told, reason });
    if (found !== null) return { ...planBase(resource), ...told, action: "none", commands: [] };
    if (typeof tools === "string") return blocked(resource, { ...told, reason: tools });
    return { ...planBase(resource), ...told, action: "create", commands: [tools.addGroup(name)] };
  },

  remember: (_host, { name }) => Promise.resolve({ name }),
  settle: (host, { name }) => recordData(host, name),

  async adopt(host, { name }) {
    return (await isOurs(host, name)) ? recordData(host, name) : null;
  },

  async undo(host, record) {
    const { name = "", gid } = record.data;
    const found = await findGroup(host, name);
    if (found === null) return { action: "none", commands: [], detail: `there is no group ${name} any more` };
    if (gid !== undefined && String(found.gid) !== gid)
      return {
        action: "blocked",
        commands: [],
        detail: `group ${name} has gid ${found.gid} now, not ${gid}`,
        foreign: true,
      };
    const users = await usersOf(host, found);
    if (users.length > 0)
      return { action: "blocked", commands: [], detail: `group ${name} is ${users.join(", ")}'s too` };
    const tools = await accountTools(host);
    if (typeof tools === "string") return { action: "blocked", commands: [], detail: tools };
    return { action: "delete", commands: [tools.deleteGroup(name)], detail: `group ${name} is removed` };
  },

  async quickCheck(host, record) {
    const { name = "", gid } = record.data;
    const found = await findGroup(host, name);
    return found !== null && String(found.gid) === gid;
  },

  remedy: () => "see whether /etc/group can be written and is not locked",
};

async function recordData(host: Host, name: string): Promise<RecordData> {
  const found = await findGroup(host, name);
  return found === null ? { name } : { name, gid: String(found.gid) };
}

/** A group has no comment. It is ours when it is the group of our account of the same name, or nobody's yet under a name that only we give. */
async function isOurs(host: Host, name: string): Promise<boolean> {
  const found = await findGroup(host, name);
  if (found === null) return false;
  const primary = await accountsOfGroup(host, found.gid);
  if (primary.length > 0) return primary.every((account) => account.name === name && account.comment === ourComment);
  return found.members.length === 0 && /^tlsforge(?:-[0-9a-f]{8})?$/.test(name);
}

async function usersOf(host: Host, found: Group): Promise<readonly string[]> {
  const primary = (await accountsOfGroup(host, found.gid)).map((account) => account.name);
  return [...new Set([...primary, ...found.members])];
}

function groupReason({ name, gid }: Group): string | null {
  if (gid === 0) return `${name} is root's group`;
  return gid >= 1000
    ? `${name} is there as gid ${gid}, which is an ordinary group's: choose another prefix, or remove that group`
    : null;
}
