import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import { listReceipts, prefixPaths } from "../../store/index.ts";
import type { Context } from "../context.ts";
import type { Result } from "../result.ts";

/** The full log of a build, named by its recipe, the beginning of its key, or nothing for the newest. */
export async function log(context: Context, name: string | undefined): Promise<Result> {
  const { log: folder } = prefixPaths(context.options.prefix);
  const files = await newestFirst(folder);
  const key = name === undefined ? undefined : await keyOf(context, name);
  const file = key === undefined ? files[0] : files.find((entry) => entry.startsWith(key));
  if (file === undefined) {
    throw new ForgeError(
      "not-found",
      name === undefined ? `there is no build log in ${folder}` : `there is no log of ${name} in ${folder}`,
      {
        hint: "name a recipe of the current stack, or the beginning of a build key; tlsforge generations shows both",
      },
    );
  }
  return { outcome: "done", exitCode: 0, fields: {}, text: await readFile(path.join(folder, file), "utf8") };
}

async function keyOf(context: Context, name: string): Promise<string> {
  const receipts = await listReceipts(context.options.prefix);
  const newest = receipts
    .filter((receipt) => receipt.recipe === name)
    .toSorted((a, b) => (a.finished < b.finished ? 1 : -1))[0];
  return newest?.key ?? name;
}

async function newestFirst(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  const dated = await Promise.all(
    names
      .filter((name) => name.endsWith(".log"))
      .map(async (name) => ({ name, time: (await stat(path.join(folder, name))).mtimeMs })),
  );
  return dated.toSorted((a, b) => b.time - a.time).map((entry) => entry.name);
}
