/** Files that say which process wants, holds or uses something: their names identify it, so that each is whole the moment it is there. */
import { randomBytes } from "node:crypto";
import { open, readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { discard, explained, hasCode, makeFolder, readOwn, unlinkIfThere } from "./disk.ts";
import { refuseNoFolder } from "./folders.ts";
import { hasEnded, type ProcessIdentity } from "./identity.ts";
import { giveUpReserve } from "./reserve.ts";

/** A claim of a process that has not ended. */
export interface Claim {
  readonly name: string;
  readonly process: ProcessIdentity;
}

/** The claims in a folder of processes that have not ended; those of processes that have are swept away with `sweep`. */
export async function livingClaims(path: string, own: ProcessIdentity, sweep: boolean): Promise<Claim[]> {
  const living: Claim[] = [];
  for (const name of await namesOf(path)) {
    const other = parseClaim(name);
    if (other === null) continue;
    if (!(await hasEnded(other, own))) living.push({ name, process: other });
    // A name is used only once, so that also a folder under it is in nobody's way.
    else if (sweep) await removeClaim(join(path, name));
  }
  return living;
}

async function removeClaim(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    throw explained(error, path);
  }
}

async function namesOf(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw explained(error, path);
  }
}

/** Puts a claim into a folder, which it makes; on a full disk where the prefix's reserve was. Its content is for people. */
export async function putClaim(path: string, claim: string, content: object): Promise<void> {
  try {
    await writeClaim(path, claim, content);
  } catch (error) {
    if (!hasCode(error, "ENOSPC", "EDQUOT") || !(await giveUpReserve(path))) throw explained(error, path);
    await writeClaim(path, claim, content).catch((again: unknown) => {
      throw explained(again, path);
    });
  }
}

async function writeClaim(path: string, claim: string, content: object): Promise<void> {
  try {
    const file = await createIn(path, claim);
    try {
      await file.writeFile(`${JSON.stringify(content)}\n`);
    } finally {
      await file.close();
    }
  } catch (error) {
    await discard(join(path, claim));
    throw error;
  }
}

/** The folder may be removed by a holder who leaves, while we make it and until we use it. A link that leads nowhere is not made whole by another try. */
async function createIn(path: string, claim: string) {
  for (let tries = 1; ; tries += 1) {
    try {
      await makeFolder(path);
      return await open(join(path, claim), "wx", 0o644);
    } catch (error) {
      if (!hasCode(error, "ENOENT") || tries === mostTries) throw error;
      await refuseNoFolder(path);
    }
  }
}

const mostTries = 1000;

/** Takes a claim back, and the folder with it when it was the last one. */
export async function dropClaim(path: string, claim: string): Promise<void> {
  try {
    await unlinkIfThere(join(path, claim));
    await rmdir(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTEMPTY", "EEXIST")) throw explained(error, path);
  }
}

/** A name that no other claim ever has. */
export function claimName({ pid, start, boot, space, host }: ProcessIdentity): string {
  return [pid, start, boot, space, host, randomBytes(6).toString("hex")].join("_");
}

function parseClaim(name: string): ProcessIdentity | null {
  const [pid, start, boot, space, host, token] = name.split("_");
  if (!start || !boot || !space || !host || !token || !/^\d+$/u.test(pid ?? "")) return null;
  return { pid: Number(pid), start, boot, space, host };
}

/** `provision, pid 123, since 2026-11-23T10:00:00.000Z`, as far as the holder has said it. */
export async function describeClaim(path: string, claim: string, now = Date.now()): Promise<string> {
  const pid = `pid ${parseClaim(claim)?.pid ?? "unknown"}`;
  const { what, since } = (await claimContent(path, claim)) ?? {};
  const ahead = Date.parse(String(since)) - now > 60_000 ? " (the clock has been set back since)" : "";
  return [
    ...(typeof what === "string" ? [what] : []),
    pid,
    ...(typeof since === "string" ? [`since ${since}${ahead}`] : []),
  ].join(", ");
}

/** What a claim says; null when it has not said it yet, or is gone. */
export async function claimContent(path: string, claim: string): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    const text = await readOwn(join(path, claim));
    const value: unknown = text === null ? null : JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw explained(error, path);
  }
}
