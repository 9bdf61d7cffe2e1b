import { readFile } from "node:fs/promises";
import { ForgeError } from "../errors.ts";
import { renderConfig } from "./config.ts";
import type { Bundle, ServerConfig } from "./types.ts";

/**
 * What a server process needs, read by who provisions: so keys are readable by nobody else, whoever the server runs as.
 * Throws ForgeError `certificate-failed` for a file that cannot be read.
 */
export async function bundleOf(config: ServerConfig): Promise<Bundle> {
  const { dhe } = config.policy;
  const pairs = config.certificates.flatMap(({ chain, key }) => [chain, key]);
  const paths = [...new Set([...pairs, ...(dhe !== null && "parameters" in dhe ? [dhe.parameters] : [])])];
  const files = await Promise.all(paths.map(async (path) => [path, await readPem(path)] as const));
  return { config: renderConfig(config), files: Object.fromEntries(files) };
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new ForgeError("certificate-failed", `${path} cannot be read`, {
      cause: error,
      hint: "mend the certificate and its key, then run the same command again",
    });
  }
}
