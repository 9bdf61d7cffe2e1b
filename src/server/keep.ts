import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, readlink, rm, rmdir, symlink, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { atomicLink, atomicWrite } from "../store/index.ts";
import { renderConfig } from "./config.ts";
import { fileError } from "./files.ts";
import { plain, serverPaths } from "./light.ts";
import type { Policy, ServerConfig } from "./types.ts";

/**
 * Keeps a generation's configuration with it, and links to what a service manager hands over as credentials under the names that the server
 * knows. With the generation, program and configuration become current in one step. Throws ForgeError `prefix-unusable`, `disk-full`.
 */
export async function keepConfig(prefix: string, config: ServerConfig): Promise<void> {
  const generation = join(prefix, "generations", String(config.generation));
  const folder = join(generation, "credentials");
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const wanted = new Map(credentialsOf(join(generation, "server.json"), config));
    for (const name of await readdir(folder)) if (!wanted.has(name)) await rm(join(folder, name), { force: true });
    for (const [name, target] of wanted)
      if (!(await leadsTo(join(folder, name), target))) await atomicLink(target, join(folder, name));
  } catch (error) {
    throw fileError(error, `${folder} cannot be made`);
  }
  await atomicWrite(join(generation, "server.json"), renderConfig(config), 0o600);
  await rm(serverPaths(prefix).refused, { force: true });
}

/**
 * Keeps why a reload was refused before the process that serves was asked: `status` tells it until another configuration is kept or another
 * process serves, and the server's log, where it has one, has a line of it. Throws ForgeError `prefix-unusable`, `disk-full`.
 */
export async function keepRefusal(prefix: string, pid: number, why: string): Promise<void> {
  const { refused, log } = serverPaths(prefix);
  const line = `${new Date().toISOString().replace(/\.\d+Z$/, "+0000")} [tlsforge#error] reload refused: ${plain(why)}\n`;
  try {
    await atomicWrite(refused, `${pid}\n${why}\n`);
    const file = await open(log, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW).catch(() => null);
    if (file === null) return;
    try {
      await file.write(line);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, `${refused} cannot be written`);
  }
}

/** What the server is handed by a service manager: name of the credential, and the file that holds it. */
export function credentialsOf(
  file: string,
  { certificates, policy: { dhe } }: Pick<ServerConfig, "certificates"> & { readonly policy: Pick<Policy, "dhe"> },
): readonly (readonly [string, string])[] {
  return [
    ["server.json", file],
    ...certificates.flatMap(({ chain, key }, index) => [
      [`certificate-${index}.pem`, chain] as const,
      [`certificate-${index}.key`, key] as const,
    ]),
    ...(dhe !== null && "parameters" in dhe ? [["dh.pem", dhe.parameters] as const] : []),
  ];
}

/**
 * The folders that a server writes to, which the service's user owns; where a service manager makes them, of the one below /run a link.
 * Throws ForgeError `prefix-unusable`, `disk-full`.
 */
export async function makeFolders(prefix: string, config: ServerConfig): Promise<void> {
  const { run, state } = serverPaths(prefix);
  try {
    await mkdir(dirname(run), { recursive: true });
    if (config.paths.state === state) {
      await mkdir(state, { recursive: true, mode: 0o750 });
      await own(state, 0o750, config.user);
    }
    if (config.paths.run !== run) {
      if (await leadsTo(run, config.paths.run)) return;
      await clear(run);
      await symlink(config.paths.run, run);
      return;
    }
    if ((await lstat(run).catch(() => null))?.isSymbolicLink() === true) await rm(run);
    await mkdir(run, { recursive: true, mode: 0o700 });
    await own(run, 0o700, config.user);
  } catch (error) {
    throw fileError(error, `${run} or ${state} cannot be made`);
  }
}

/** What servers leave in a run folder: names of roles, and those of a moment, by process (`roles.py`, `pidfile.py`). */
const ours = /^(?:(?:trial|server|standby)\.(?:sock|pid|pid\.\d+\.tmp)|\.\d+)$/;

/**
 * Removes the run folder, or what stands in its place. It is the server's user's, who may do anything in it while root works with it: so only
 * names of ours are removed, one by one, and with anything else in it it stays. Throws the errors of the file system.
 */
async function clear(run: string): Promise<void> {
  const facts = await lstat(run).catch(() => null);
  if (facts === null) return;
  if (!facts.isDirectory()) return unlink(run);
  for (const name of (await readdir(run)).filter((each) => ours.test(each))) await rm(join(run, name), { force: true });
  await rmdir(run);
}

/** By its descriptor: its name cannot come to mean something else in between. */
async function own(path: string, mode: number, user: ServerConfig["user"]): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await folder.chmod(mode);
    if (user !== null) await folder.chown(user.uid, user.gid);
  } finally {
    await folder.close();
  }
}

async function leadsTo(link: string, target: string): Promise<boolean> {
  return (await readlink(link).catch(() => null)) === target;
}
