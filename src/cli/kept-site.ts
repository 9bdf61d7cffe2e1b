import { readFile } from "node:fs/promises";
import { ForgeError } from "../errors.ts";
import type { Site } from "../recipe/index.ts";
import { atomicWrite, type Manifest } from "../store/index.ts";
import type { Context } from "./context.ts";
import { loadSite } from "./load.ts";
import { generationFile } from "./serve.ts";

/** Keeps the site that a generation serves with it: going back to the generation brings back what it was asked to be. */
export async function keepSite(prefix: string, generation: number, site: Site): Promise<void> {
  await atomicWrite(generationFile(prefix, generation, "site.json"), `${JSON.stringify(site, null, 2)}\n`);
}

/** The site that a generation was last launched for; as the site file says now for one that never was. Throws `prefix-unusable`. */
export async function siteOf(context: Context, { generation }: Manifest): Promise<Site> {
  const file = generationFile(context.options.prefix, generation, "site.json");
  let cause: unknown;
  try {
    const found: unknown = JSON.parse(await readFile(file, "utf8"));
    if (isSite(found)) return found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return loadSite(context);
    cause = error;
  }
  throw new ForgeError("prefix-unusable", `${file} cannot be read`, {
    cause,
    hint: "remove it: then the site file counts; or provision again",
  });
}

/** Whether it is a site as it was kept, and not what is left of one. */
function isSite(value: unknown): value is Site {
  const site = value as Partial<Site> | null;
  return Array.isArray(site?.server?.listen) && site.host !== undefined && site.verify !== undefined;
}
