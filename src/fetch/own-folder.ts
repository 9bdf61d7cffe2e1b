import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, readdir, readlink, symlink, utimes } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { ForgeError } from "../errors.ts";
import { changed } from "./checked-copy.ts";
import { folderDigest } from "./digest.ts";
import { quoted, staysInside } from "./unpack-members.ts";

/**
 * Looks at a user's own source folder before it is hashed: links that lead out of it, and what is neither file nor folder nor link, are refused
 * (`archive-unsafe`), since nobody could say what was built from.
 */
export async function checkOwnFolder(folder: string): Promise<void> {
  const links = new Map<string, string>();
  await walk(folder, "", async ({ path, full, kind }) => {
    if (kind === "link") links.set(path, await readlink(full));
    if (kind === "other") throw refused(folder, path, "is neither a file nor a folder nor a link");
    if (path.includes("\uFFFD")) throw refused(folder, path, "has a name that is not UTF-8");
  });
  for (const [path, target] of links)
    if (!staysInside(path, links))
      throw refused(folder, path, `is a link that leads out of it, or in a circle (${target})`);
}

/**
 * Copies a user's own source folder as it is: content, links, which files are executable, times of files. Nothing is followed. `sha256` is the digest
 * that the folder had when the build was planned: a copy with another one means that it changed meanwhile (`source-mismatch`).
 */
export async function copyOwnFolder(folder: string, into: string, sha256: string | undefined): Promise<void> {
  await checkOwnFolder(folder);
  await walk(folder, "", async ({ path, full, kind }) => {
    const to = join(into, path);
    if (kind === "folder") await mkdir(to, { mode: 0o755 });
    else if (kind === "link") await symlink(await readlink(full), to);
    else await copyFile(full, to);
  });
  if (sha256 !== undefined && (await folderDigest(into)).sha256 !== sha256) throw changed(folder);
}

interface Found {
  /** Below the folder. */
  readonly path: string;
  readonly full: string;
  readonly kind: "file" | "folder" | "link" | "other";
}

/** Visits everything below a folder, a folder before what is in it. */
async function walk(root: string, below: string, visit: (found: Found) => Promise<void>): Promise<void> {
  for (const name of await readdir(join(root, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    const full = join(root, path);
    // A name that is not UTF-8 is read as another one, which is not there.
    const facts = name.includes("\uFFFD") ? null : await lstat(full);
    const kind = facts?.isSymbolicLink() === true ? "link" : facts?.isDirectory() === true ? "folder" : "file";
    await visit({ path, full, kind: facts === null || facts.isFile() || kind !== "file" ? kind : "other" });
    if (kind === "folder") await walk(root, path, visit);
  }
}

/** Opened without following a link and without waiting for a pipe: either may have taken the file's place since it was looked at. */
async function copyFile(from: string, to: string): Promise<void> {
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const facts = await source.stat();
    if (!facts.isFile()) throw changed(from);
    const target = await open(to, "wx", 0o600);
    try {
      await pour(source, target);
    } finally {
      await target.close();
    }
    await chmod(to, (facts.mode & 0o100) === 0 ? 0o644 : 0o755);
    await utimes(to, facts.atime, facts.mtime);
  } finally {
    await source.close();
  }
}

async function pour(from: FileHandle, to: FileHandle): Promise<void> {
  const buffer = Buffer.allocUnsafe(1 << 16);
  for (;;) {
    const { bytesRead } = await from.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return;
    for (let done = 0; done < bytesRead;) done += (await to.write(buffer, done, bytesRead - done)).bytesWritten;
  }
}

function refused(folder: string, path: string, why: string): ForgeError {
  return new ForgeError("archive-unsafe", `${folder}: ${quoted(path)} ${why}`, {
    hint: "take it out of the folder that is given with --source, or give a folder without it",
  });
}
