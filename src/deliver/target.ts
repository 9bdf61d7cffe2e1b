import { lstat, open, stat } from "node:fs/promises";
import { ForgeError } from "../errors.ts";
import { indexName } from "./bundle-index.ts";
import { fileProblem, isMissing } from "./problems.ts";

/** Refuses a place for a bundle where something stands that is none: it would be lost. Throws `usage`. */
export async function refuseTarget(file: string): Promise<void> {
  const facts = await lstat(file).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw fileProblem(error, file, "written");
  });
  if (facts === null || (facts.isFile() && (facts.size === 0 || (await isBundle(file))))) return;
  throw new ForgeError("usage", `${file} is there and is no bundle`, {
    hint: "name a file that is not there yet, or a bundle that may be replaced",
  });
}

/** Refuses what cannot be read to its end. Throws `usage`. */
export async function refuseNoFile(file: string): Promise<void> {
  const facts = await stat(file).catch((error: unknown) => {
    throw fileProblem(error, file, "read");
  });
  if (!facts.isFile()) throw new ForgeError("usage", `${file} is no regular file`, { hint: "name a bundle" });
}

async function isBundle(file: string): Promise<boolean> {
  try {
    const handle = await open(file);
    try {
      const { buffer } = await handle.read(Buffer.alloc(indexName.length), 0, indexName.length, 0);
      return buffer.toString("latin1") === indexName;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileProblem(error, file, "written");
  }
}
