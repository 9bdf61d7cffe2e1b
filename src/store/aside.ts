/** Outputs that are set aside while they are built anew in their place, and come back when that ends without a new one. */
import { rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Emit } from "../events.ts";
import { explained, isThere, removeTree, temporaryPrefix } from "./disk.ts";
import { namesIn } from "./garbage.ts";
import { tryLock } from "./lock.ts";
import { buildLock, isKeyed, prefixPaths } from "./paths.ts";
import { endOrphans } from "./processes.ts";
import { readReceipt } from "./receipts.ts";

const asidePrefix = `${temporaryPrefix}aside-`;

/** Where an output lies meanwhile: the name says which it is, should the run be killed. */
export function asidePath(out: string): string {
  return join(dirname(out), `${asidePrefix}${basename(out)}`);
}

/** The output that a path is set aside from; null for every other path. */
export function outOfAside(path: string): string | null {
  const name = basename(path);
  const own = name.startsWith(asidePrefix) ? name.slice(asidePrefix.length) : "";
  return isKeyed(own) ? join(dirname(path), own) : null;
}

/**
 * Puts back an output that a killed run set aside and made no whole one in place of; gives whether it did. Only for the holder of the lock of
 * its build. Throws `prefix-unusable`.
 */
export async function putBack(out: string, prefix: string): Promise<boolean> {
  const aside = asidePath(out);
  const stands = await isThere(aside).catch((error: unknown) => {
    throw explained(error, aside);
  });
  if (!stands || (await readReceipt(out)) !== null) return false;
  await endOrphans(out, prefix);
  // What cannot be removed has got another name by then; when not even that, the next line says so.
  await removeTree(out, prefix).catch(() => null);
  try {
    await rename(aside, out);
    return true;
  } catch (error) {
    throw explained(error, out);
  }
}

/** `putBack` for every output that lies aside and that nobody builds now; tells of each. */
export async function putAllBack(prefix: string, emit: Emit): Promise<void> {
  const { store } = prefixPaths(prefix);
  for (const name of await namesIn(store)) {
    const out = outOfAside(join(store, name));
    if (out === null) continue;
    const release = await tryLock(buildLock(prefix, basename(out)), "return of an output");
    if (release === null) continue;
    try {
      if (!(await putBack(out, prefix))) continue;
      emit({ type: "notice", message: `${out} is back as it was: a run that built it anew was killed` });
    } finally {
      await release();
    }
  }
}
