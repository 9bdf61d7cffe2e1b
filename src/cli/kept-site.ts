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
  try {
    return JSON.parse(await readFile(file, "utf8")) as Site;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return loadSite(context);
    throw new ForgeError("prefix-unusable", `${file} cannot be read`, {
      cause: error,
      hint: "remove it: then the site file counts; or provision again",
    });
  }
}
