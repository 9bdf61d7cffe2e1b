/**
 * The quick answer to `provision` that there is nothing to do. Loads nothing but Node's own modules and the light modules of server, host and store: a run that has nothing to do must not pay for the libraries of one that has. Whatever it cannot tell is not "nothing to do".
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import type { Report } from "../../grade/index.ts";
import { stands } from "../../host/light.ts";
import type { ServerConfig, ServerStatus } from "../../server/index.ts";
import { servesFiles, serverPaths, status } from "../../server/light.ts";
import type { LedgerEntry, Manifest } from "../../store/index.ts";
import { parseReceipt } from "../../store/light.ts";
import { inputsFingerprint, toolStamp, type FingerprintParts } from "./inputs.ts";

/** A generation that serves what the same inputs gave before. */
export interface Standing {
  readonly manifest: Manifest;
  readonly server: ServerStatus;
  readonly report: Report;
}

/** The standing generation when everything that a provision would look at is as that provision left it; else null. */
export async function standing(parts: FingerprintParts): Promise<Standing | null> {
  try {
    return await look(parts);
  } catch {
    // Whatever cannot be read is the full run's to complain about.
    return null;
  }
}

/** Reading a pipe might never end. */
function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
}

async function look(parts: FingerprintParts): Promise<Standing | null> {
  const manifest = readJson<Manifest>(`${parts.prefix}/current/manifest.json`);
  if (manifest === null || manifest.layout !== 1 || !manifest.accepted) return null;
  if (manifest.server === null || manifest.report === null) return null;
  // What is not there is the full run's to complain about.
  if (!existsSync(parts.recipes) || (parts.config !== null && !isFile(parts.config))) return null;
  if (!sameSiteFile(parts) || manifest.fingerprint !== inputsFingerprint(parts)) return null;
  if (!manifest.tools.every(sameTool) || !manifest.builds.every(isBuilt)) return null;
  if (!manifest.host.every((record) => stands(record) === true) || !ledgerAgrees(parts.prefix, manifest)) return null;
  const state = await status(parts.prefix);
  if (state.state !== "serving") return null;
  const { status: server } = state;
  if (
    server.configDigest !== manifest.server.configDigest ||
    server.generation !== manifest.generation ||
    server.lastError !== null
  )
    return null;
  if (!server.certificates.every(isFresh)) return null;
  const config = readJson<ServerConfig>(serverPaths(parts.prefix).config);
  if (config === null || !servesFiles(server, config)) return null;
  const report = readJson<Report>(manifest.report.path);
  return report === null ? null : { manifest, server, report };
}

/** Whether a build's output has its receipt, whole and undamaged. */
export function isBuilt({ out, key }: Manifest["builds"][number]): boolean {
  const file = `${out}/receipt.json`;
  const receipt = isFile(file) ? parseReceipt(readFileSync(file, "utf8")) : null;
  return receipt?.key === key && receipt.out === out;
}

/** Whether the site file is the one that the generation remembers: which one counts otherwise is the full run's to say. */
export function sameSiteFile({ prefix, config }: Pick<FingerprintParts, "prefix" | "config">): boolean {
  const kept = readJson<{ readonly file?: string | null }>(`${prefix}/current/site.json`);
  return kept?.file === undefined || kept.file === config;
}

/**
 * Whether the prefix's ledger tells of the same changes as its generation, each of them whole: a run that was killed may have left others, or one
 * half made. Packages are the builds'.
 */
export function ledgerAgrees(prefix: string, { host }: Pick<Manifest, "host">): boolean {
  const file = `${prefix}/host.json`;
  const ledger = existsSync(file) ? readJson<{ readonly entries?: readonly LedgerEntry[] }>(file) : { entries: [] };
  const entries = ledger?.entries?.filter(({ record }) => record.kind !== "package");
  if (entries?.every(({ state }) => state === "applied") !== true) return false;
  const noted = new Set(entries.map(({ record }) => record.id));
  const records = host.filter(({ kind }) => kind !== "package");
  return records.length === noted.size && records.every(({ id }) => noted.has(id));
}

/**
 * The certificate file of the prefix's own authority, when what serves from it has certificates of that one: servers that are only reproduced have
 * another.
 */
export function authorityFile(prefix: string, { vulnerable }: Pick<Manifest, "vulnerable">): string | null {
  const { tls, rsa, config } = serverPaths(prefix);
  const folder = vulnerable === undefined ? tls : rsa;
  const served = readJson<ServerConfig>(config)?.certificates;
  const isOurs = served === undefined || served.some(({ chain }) => chain.startsWith(`${folder}/`));
  const file = `${folder}/ca/cert.pem`;
  return isOurs && existsSync(file) ? file : null;
}

function sameTool(stamp: Manifest["tools"][number]): boolean {
  const now = toolStamp(stamp.path);
  return now !== null && now.size === stamp.size && now.mtimeMs === stamp.mtimeMs;
}

/**
 * A certificate that is due for renewal, as it says itself, is left to the full run, which renews our own. Of one that does not say the last third
 * of the longest life that we give one counts.
 */
function isFresh({ notAfter, renewAfter }: ServerStatus["certificates"][number]): boolean {
  const thirdOfLifeMs = 30 * 24 * 3600 * 1000;
  return Date.now() < (renewAfter === undefined ? Date.parse(notAfter) - thirdOfLifeMs : Date.parse(renewAfter));
}

function readJson<T>(file: string): T | null {
  try {
    return isFile(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : null;
  } catch {
    return null;
  }
}
