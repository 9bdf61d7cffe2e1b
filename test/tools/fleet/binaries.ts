/** Programs with a TLS library inside (old Nodes, Deno, Bun), from the package registry that npm is set up with, by pinned digest. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";

import { execa } from "execa";

import pinned from "../../fixtures/fleet/binaries.json" with { type: "json" };

export type BinaryName = keyof typeof pinned;

export function isBinary(name: string): name is BinaryName {
  return Object.hasOwn(pinned, name);
}

/** Where a program lies, or will lie: its folder is named after its digest, so another pin is another program. */
export function binaryPath(name: BinaryName): string {
  const digest = Buffer.from(pinned[name].integrity.slice("sha512-".length), "base64").toString("hex").slice(0, 16);
  return join(homedir(), ".cache", "tlsforge-fleet", `${name}-${digest}`, basename(pinned[name].program));
}

/** The program's path; fetched, checked against its digest and unpacked when it is not there yet. */
export async function fetchBinary(name: BinaryName): Promise<string> {
  const path = binaryPath(name);
  if (existsSync(path)) return path;
  const folder = join(path, "..");
  const cache = join(folder, "..");
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, "work-"));
  try {
    await execa("npm", ["pack", "--silent", "--pack-destination", work, pinned[name].package], {
      cwd: work,
      timeout: 120_000,
    });
    const archive = join(work, (await readdir(work)).find((file) => file.endsWith(".tgz")) ?? "none");
    const program = await unpack(name, await checked(name, archive), work);
    // Another process may have been quicker: its result is the same to the byte.
    await mkdir(join(work, "done"));
    await rename(program, join(work, "done", basename(path)));
    await rename(join(work, "done"), folder).catch((error: unknown) => {
      if (!existsSync(path)) throw error;
    });
    return path;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function checked(name: BinaryName, archive: string): Promise<string> {
  const digest = createHash("sha512")
    .update(await readFile(archive))
    .digest("base64");
  if (`sha512-${digest}` !== pinned[name].integrity)
    throw new Error(`${name}: the archive has another digest: ${digest}`);
  return archive;
}

/** Where the program lies in the work folder. The oldest packages hold an archive for each system. */
async function unpack(name: BinaryName, archive: string, work: string): Promise<string> {
  const { inner, program } = pinned[name];
  const tar = (argv: readonly string[]): Promise<unknown> =>
    execa("tar", ["--no-same-owner", "-C", work, ...argv], { timeout: 60_000 });
  if (inner === null) {
    await tar(["-xzf", archive, `package/${program}`]);
    return join(work, "package", program);
  }
  await tar(["-xzf", archive, `package/${inner}.tar.gz`]);
  await tar(["-xzf", join(work, "package", `${inner}.tar.gz`), `${inner}/${program}`]);
  return join(work, inner, program);
}
