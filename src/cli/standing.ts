import { readFile } from "node:fs/promises";
import { ForgeError } from "../errors.ts";
import type { ServerConfig, ServerStatus } from "../server/index.ts";
import type { Manifest } from "../store/index.ts";
import type { Context } from "./context.ts";
import { loadStack } from "./load.ts";
import { generationFile, interpreterOf, serverOutputs, startServer, type ServerSetup } from "./serve.ts";

/** The configuration that a generation was last launched with, or null when it never was. */
export async function readServerConfig(prefix: string, generation: number): Promise<ServerConfig | null> {
  const file = generationFile(prefix, generation, "server.json");
  try {
    return JSON.parse(await readFile(file, "utf8")) as ServerConfig;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new ForgeError("prefix-unusable", `${file} cannot be read`, {
      cause: error,
      hint: "provision again, which writes it anew",
    });
  }
}

/** A generation's server as it was launched before. Throws `not-found` when it never was. */
export async function standingSetup(context: Context, manifest: Manifest): Promise<ServerSetup> {
  const config = await readServerConfig(context.options.prefix, manifest.generation);
  if (config === null) {
    throw new ForgeError("not-found", `generation ${manifest.generation} has never served`, {
      hint: "run tlsforge provision, which launches and grades it",
    });
  }
  const { stack } = await loadStack(context, manifest.stack);
  const outputs = serverOutputs(stack, manifest.builds);
  const copy = manifest.host.find((record) => record.kind === "capability")?.data["copy"];
  return { config, outputs, interpreter: copy ?? interpreterOf(outputs), authority: null };
}

/** Starts a generation's server again, as it was. */
export async function startGeneration(context: Context, manifest: Manifest): Promise<ServerStatus> {
  return startServer(context, await standingSetup(context, manifest));
}
