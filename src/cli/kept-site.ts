/** The site file that a generation was made for, kept with it: what comes back after a failure comes back as it was, whatever the file says by now. */
import { readFile } from "node:fs/promises";
import type { Site } from "../recipe/index.ts";
import { atomicWrite, type Manifest } from "../store/index.ts";
import type { Context } from "./context.ts";
import { loadSite } from "./load.ts";
import { generationFile } from "./serve.ts";

interface KeptSite {
  readonly schema: "tlsforge.kept-site/1";
  readonly site: Site;
}

/** Keeps a site file with the generation that is made for it. */
export async function keepSite(prefix: string, generation: number, site: Site): Promise<void> {
  const kept: KeptSite = { schema: "tlsforge.kept-site/1", site };
  await atomicWrite(generationFile(prefix, generation, "site.json"), `${JSON.stringify(kept)}\n`);
}

/** The site of a generation as it was made; as the site file says now for one that kept none. */
export async function siteOf(context: Context, { generation }: Manifest): Promise<Site> {
  try {
    const text = await readFile(generationFile(context.options.prefix, generation, "site.json"), "utf8");
    const kept = JSON.parse(text) as Partial<KeptSite>;
    if (kept.schema === "tlsforge.kept-site/1" && kept.site !== undefined) return kept.site;
  } catch (error) {
    // What is damaged must not keep the host from being brought back.
    if (!(error instanceof SyntaxError) && (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return loadSite(context);
}
