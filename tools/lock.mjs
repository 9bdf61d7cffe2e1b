/**
 * One setup of a checkout at a time: a file made exclusively, with its owner's name in it. A dead owner's file is taken away.
 * Plain JavaScript for Node 18 and up, like setup.mjs.
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, rmdirSync, statSync, writeSync } from "node:fs";
import { hostname } from "node:os";

/** Runs `work` while holding `lockFile`; `onWait(pid)` is told once whom it waits for. A folder that is not writable gives the file system's error. */
export async function locked(lockFile, onWait, work) {
  const self = JSON.stringify({ host: hostname(), pid: process.pid, started: startOf(process.pid) });
  for (let waited = 0; !takeLock(lockFile, self); waited += 1) {
    const holder = lockHolder(lockFile);
    if (holder !== null && !alive(holder)) dropStale(lockFile, holder);
    else if (waited === 0 && holder !== null) onWait(holder.pid);
    await new Promise((done) => setTimeout(done, 200));
  }
  try {
    return await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function takeLock(lockFile, self) {
  try {
    const handle = openSync(lockFile, "wx");
    writeSync(handle, self);
    closeSync(handle);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

/** Who holds the lock; null while that cannot be said: just released, or its name not written yet. */
function lockHolder(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return null;
    if (!(error instanceof SyntaxError)) throw error;
    const age = Date.now() - (statSync(lockFile, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    return age > 10_000 ? { host: hostname(), pid: 0, started: null } : null;
  }
}

function alive(holder) {
  if (holder.host !== hostname()) return true;
  if (holder.pid === 0) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if (error.code === "ESRCH") return false;
  }
  return startOf(holder.pid) === holder.started;
}

/** When a process began, so that a reused number is not taken for it; null where /proc does not say. */
function startOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")[19];
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(error.code)) return null;
    throw error;
  }
}

/** Removes a dead owner's lock. Of several that see it dead only one may: the others could remove the next owner's. */
function dropStale(lockFile, seen) {
  const guard = `${lockFile}.stale`;
  try {
    mkdirSync(guard);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    const age = Date.now() - (statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 10_000) rmSync(guard, { recursive: true, force: true });
    return;
  }
  const now = lockHolder(lockFile);
  if (now !== null && now.pid === seen.pid && now.started === seen.started) rmSync(lockFile, { force: true });
  rmdirSync(guard);
}
