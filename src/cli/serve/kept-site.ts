import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { ForgeError } from "../../errors.ts";
import { parseSite, type Site } from "../../recipe/index.ts";
import { atomicWrite, readManifest, type Manifest } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { loadSite } from "../make/load.ts";
import { generationFile } from "./serve.ts";

/** A site as it is kept. */
interface Kept {
  readonly site: Site;
  /** The site file that it was read from; null: there was none. Undefined where that was not kept. */
  readonly file: string | null | undefined;
}

/**
 * Keeps the site that a generation serves with it, and the absolute path of the site file (null: none): going back to the generation brings back
 * what it was asked to be.
 */
export async function keepSite(prefix: string, generation: number, site: Site, file: Kept["file"]): Promise<void> {
  const text = JSON.stringify({ ...site, file }, null, 2);
  await atomicWrite(generationFile(prefix, generation, "site.json"), `${text}\n`);
}

/** Whether a generation's site was kept, whole or not. */
export function isSiteKept(prefix: string, generation: number): boolean {
  return existsSync(generationFile(prefix, generation, "site.json"));
}

/** The site that a generation was last launched for; as the site file says now for one that never was. Throws `prefix-unusable`. */
export async function siteOf(context: Context, { generation }: Manifest): Promise<Site> {
  return (await readKept(context.options.prefix, generation))?.site ?? loadSite(context);
}

/** The same context with the site file that a generation was last launched for, whatever was given now. Throws `prefix-unusable`. */
export async function asKept(context: Context, { generation }: Manifest): Promise<Context> {
  const config = (await readKept(context.options.prefix, generation))?.file;
  return config === undefined ? context : { ...context, options: { ...context.options, config } };
}

/**
 * The same context with the site file that the generation was last launched for where none is given now, which is said. Throws
 * `site-invalid` when that one is gone: the defaults are not what was asked for; and `prefix-unusable`.
 */
export async function withSiteFile(context: Context, manifest: Manifest): Promise<Context> {
  if (context.options.config !== null) return context;
  const kept = await asKept(context, manifest);
  const { config } = kept.options;
  if (config === null) return context;
  if (existsSync(config)) {
    context.emit({ type: "notice", message: `the site file is ${config}, as of generation ${manifest.generation}` });
    return kept;
  }
  throw new ForgeError("site-invalid", `the site file of generation ${manifest.generation}, ${config}, is gone`, {
    hint: "put it back, or name another with --config; an empty one asks for the defaults",
  });
}

/** The same for the prefix's current generation; the context as it is where there is none. */
export async function withCurrentSiteFile(context: Context): Promise<Context> {
  const manifest = await readManifest(context.options.prefix);
  return manifest === null ? context : withSiteFile(context, manifest);
}

/** What is kept of a generation's site; null when it was never launched. */
async function readKept(prefix: string, generation: number): Promise<Kept | null> {
  const place = generationFile(prefix, generation, "site.json");
  let cause: unknown;
  try {
    const found: unknown = JSON.parse(await readFile(place, "utf8"));
    if (isSite(found)) {
      const { file, ...site } = found;
      return { site: withDefaults(site), file };
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    cause = error;
  }
  throw new ForgeError("prefix-unusable", `${place} cannot be read`, {
    cause,
    hint: "remove it, and name the site file with --config",
  });
}

/** A site that was kept before the language knew all of it asks for the rest as one that does not name it. */
function withDefaults(site: Site): Site {
  const { server, verify } = parseSite(null);
  const { certificate } = site.server;
  return {
    ...site,
    verify: { ...verify, ...site.verify },
    server: {
      ...server,
      ...site.server,
      certificate: certificate.kind === "local-ca" ? { ...server.certificate, ...certificate } : certificate,
    },
  };
}

/** Whether it is a site as it was kept, and not what is left of one. */
function isSite(value: unknown): value is Site & Pick<Kept, "file"> {
  const site = value as (Partial<Site> & { readonly file?: unknown }) | null;
  if (typeof (site?.file ?? "") !== "string") return false;
  return Array.isArray(site?.server?.listen) && site.host !== undefined && site.verify !== undefined;
}
