import { open, readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import { prefixPaths } from "../../store/index.ts";
import type { Context } from "../context.ts";
import type { Result } from "../result.ts";

/** The full log of a build, failed ones too: the newest of a recipe, the one of a key's beginning, or without a name the newest of all. */
export async function log(context: Pick<Context, "options">, name: string | undefined): Promise<Result> {
  const { log: folder } = prefixPaths(context.options.prefix);
  const files = await newestFirst(folder);
  const file = name === undefined ? files[0] : await namedBy(name, files);
  if (file === undefined) {
    throw new ForgeError(
      "not-found",
      name === undefined ? `there is no build log in ${folder}` : `there is no log of ${name} in ${folder}`,
      {
        hint: "name a recipe of the current stack, or the beginning of a build key; tlsforge generations shows both",
      },
    );
  }
  return { outcome: "done", exitCode: 0, fields: {}, text: await readFile(file, "utf8") };
}

/** The first file of that recipe; when there is none, the first whose key begins like this. */
async function namedBy(name: string, files: readonly string[]): Promise<string | undefined> {
  for (const file of files) if ((await recipeOf(file)) === name) return file;
  return files.find((file) => path.basename(file).startsWith(name));
}

/** The recipe that a log's first line names: `tlsforge: NAME VERSION, key KEY`. */
async function recipeOf(file: string): Promise<string | undefined> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(256), 0, 256, 0);
    return /^tlsforge: (\S+) \S+, key /.exec(buffer.toString("utf8", 0, bytesRead))?.[1];
  } finally {
    await handle.close();
  }
}

async function newestFirst(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  const dated = await Promise.all(
    names
      .filter((name) => name.endsWith(".log"))
      .map(async (name) => {
        const file = path.join(folder, name);
        return { file, time: (await stat(file)).mtimeMs };
      }),
  );
  return dated.toSorted((a, b) => b.time - a.time).map((entry) => entry.file);
}
