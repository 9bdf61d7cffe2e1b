import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ForgeError } from "../../errors.ts";
import type { SignatureSpec, SignatureVerdict } from "../../recipe/index.ts";
import type { FetchOptions } from "../types.ts";
import { judgeProvenance } from "./attestations.ts";
import { copies, keep, type Copy, type Digested, type Extension } from "./obtain.ts";
import { judgeOpenPgp } from "./openpgp.ts";
import { judgeSigstore } from "./sigstore.ts";
import { shippedTrust } from "./trust.ts";
import type { Judgement, SignedFile } from "./types.ts";

/** What is checked: a source whose bytes lie at `path` and have its digest. */
export interface Checked {
  readonly source: Digested;
  readonly path: string;
  /** Whether the source came out of a cache: then no index is asked for what nobody demands. */
  readonly cached: boolean;
  /** Nothing but the caches is looked at. */
  readonly cachesOnly?: boolean;
}

/**
 * Obtains and checks the signature of a source whose digest is right already. From the caches or the first location that has a good one, which
 * then lies in the first cache as `<sha256>.asc`, `.sigstore` or `.provenance`; a verdict is never kept, so it is checked each time.
 *
 * Throws `signature-wrong` when what was had is wrong in any way (other bytes, a key or identity that the recipe does not pin, a revoked key,
 * damaged), or the recipe demands one and this one cannot be judged (made after the end of our copy of the key), and `signature-missing` when there is
 * none and the recipe demands one. Without demand those two are `untestable`, and a warning; so is a source for which a recipe that has signers names
 * none.
 */
export async function verifySignature(checked: Checked, options: FetchOptions): Promise<SignatureVerdict> {
  const { source } = checked;
  const extension = extensionOf(source);
  const spec = source.signature;
  if (extension === null)
    return spec === undefined
      ? untestable("the recipe names no signer for it")
      : unknown(source, "the recipe has signers, and names none of them for it", options);
  const cachesOnly = checked.cachesOnly === true || (spec === undefined && checked.cached);
  const misses: string[] = [];
  const wrong: string[] = [];
  const remedies = new Set<string>();
  // What lies damaged in a cache says nothing against what another place delivers.
  let isToldWrong = false;
  let isWrong = false;
  for await (const copy of copies(source, extension, { ...options, cachesOnly })) {
    if ("failure" in copy) {
      misses.push(extension === "provenance" ? copy.failure.reason : `${copy.from}: ${copy.failure.reason}`);
      continue;
    }
    const judgement = await judge(checked, copy, extension);
    const isDemanded = spec?.required === true;
    if (judgement.outcome === "observed" || (judgement.outcome === "untestable" && !isDemanded && !isToldWrong)) {
      const cache = options.caches[0];
      const name = `${source.sha256}.${extension}`;
      if (cache !== undefined && copy.path !== join(cache, name)) await keep(copy, name, cache);
      if (judgement.outcome === "observed") return { ...judgement, from: copy.from };
      return unknown(source, `${copy.from}: ${judgement.why}`, options);
    }
    wrong.push(`${copy.path ?? copy.from}: ${judgement.why}`);
    remedies.add(judgement.remedy ?? distrust(source));
    if (judgement.outcome === "untestable") continue;
    isWrong = true;
    isToldWrong ||= copy.path === null;
    if (copy.path !== null) await passOver(copy.path, checked, options);
  }
  if (wrong.length > 0) throw isWrong ? wrongSignature(source, wrong, [...remedies]) : unjudgedSignature(source, wrong);
  if (spec?.required === true) throw missingSignature(source, misses, options);
  const why = cachesOnly ? "the caches have none" : misses.join("; ");
  return spec === undefined ? untestable(why) : unknown(source, why, options);
}

/** How the signature of a source is called, null where there is none to look for. A project's file on the index is attested there. */
function extensionOf({ locations, signature }: Digested): Extension | null {
  if (locations.some(({ kind }) => kind === "pypi")) return "provenance";
  const kind = signature?.signers[0]?.kind;
  return kind === undefined ? null : kind === "openpgp" ? "asc" : "sigstore";
}

async function judge({ source, path }: Checked, copy: Copy, extension: Extension): Promise<Judgement> {
  const file: SignedFile = { path, file: source.file, sha256: source.sha256 };
  const signers = source.signature?.signers ?? null;
  if (extension === "asc") {
    const pinned = (signers ?? []).filter((signer) => signer.kind === "openpgp");
    return judgeOpenPgp(file, copy.bytes, { signers: pinned, now: new Date() });
  }
  const pinned = signers?.filter((signer) => signer.kind === "sigstore") ?? null;
  let json: unknown;
  try {
    json = JSON.parse(copy.bytes.toString("utf8"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { outcome: "failed", why: "it is not JSON" };
  }
  const trust = await shippedTrust();
  if (extension === "provenance") return judgeProvenance(file, json, { signers: pinned, trust });
  return judgeSigstore(file, json, { signers: pinned, trust, named: false });
}

/** A wrong signature in a cache is like a damaged file there: the next place is asked. */
async function passOver(path: string, { source }: Checked, { caches, emit }: FetchOptions): Promise<void> {
  const own = caches[0] !== undefined && dirname(path) === join(caches[0]);
  if (own) await rm(path, { force: true });
  const message = `The cached signature of ${source.name} is wrong (${path}): ${own ? "removed" : "not used"}`;
  emit({ type: "warning", message });
}

function unknown(source: Digested, why: string, { emit }: FetchOptions): SignatureVerdict {
  emit({ type: "warning", message: `The signature of ${source.file} (${source.name}) was not checked: ${why}` });
  return untestable(why);
}

function untestable(why: string): SignatureVerdict {
  return { outcome: "untestable", why };
}

function distrust({ sha256 }: Digested): string {
  return `Do not build it. If upstream has a new key, take its fingerprint from upstream by another way and pin it in the recipe; else distrust that location. SHA-256 of the file: ${sha256}`;
}

function wrongSignature(source: Digested, details: readonly string[], remedies: readonly string[]): ForgeError {
  return new ForgeError("signature-wrong", `The signature of ${source.file} (${source.name}) is wrong: ${details[0]}`, {
    hint: remedies.join("\n"),
    details,
  });
}

function unjudgedSignature(source: Digested, details: readonly string[]): ForgeError {
  return new ForgeError(
    "signature-wrong",
    `The signature of ${source.file} (${source.name}), which the recipe demands, cannot be judged: ${details[0]}`,
    {
      hint: "Take upstream's newer copy of the key into the recipe's key file; the fingerprint that the recipe pins stays the same",
      details,
    },
  );
}

function missingSignature(source: Digested, details: readonly string[], { offline }: FetchOptions): ForgeError {
  const by = (source.signature as SignatureSpec).signers.map(({ name }) => name).join(" or ");
  return new ForgeError(
    "signature-missing",
    `${source.file} (${source.name}) has no signature that can be had, and the recipe demands one by ${by}`,
    {
      hint: offline
        ? "Run once without --offline, so that it comes into the cache, or bring the caches of a machine that has it"
        : "Check the network, or name a mirror that has it with --mirror URL; without any, nothing of this source is built",
      details,
    },
  );
}
