import { ForgeError } from "../../errors.ts";
import { availability, originOf, verifySignature, type FetchOptions } from "../../fetch/index.ts";
import type { SignatureVerdict, Source } from "../../recipe/index.ts";
import { readManifest, readReceipt, type Receipt } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { resolveSources } from "../make/prepare.ts";
import { errorFields, type Result } from "../result.ts";
import { sourceText, type SeenVerdict, type SourceRecord } from "../source-text.ts";
import { siteFor } from "../make/load.ts";
import type { BuildRequest } from "../make/types.ts";

/**
 * Every source of a stack, of the versions that a provision would take: its digest, who signed it, where it came from and whether it is in a
 * cache. Signatures of cached sources are checked, from the caches alone. Outcome `failed` with `signature-wrong` when one is wrong.
 */
export async function sources(context: Context, request: Pick<BuildRequest, "stack" | "sources">): Promise<Result> {
  const { site, stack } = await siteFor(context, request.stack);
  const { resolved, fetch } = await resolveSources(context, { site, stack: stack.name, options: request.sources });
  const receipts = await currentReceipts(context.options.prefix);
  const records: SourceRecord[] = [];
  for (const recipe of resolved)
    for (const source of recipe.sources) {
      const built = receipts.get(recipe.name)?.sources.find(({ name }) => name === source.name) ?? null;
      records.push({ recipe: recipe.name, version: recipe.version, ...(await look(source, built, fetch)) });
    }
  const wrong = records.filter(({ signature }) => signature.outcome === "failed");
  const common = { text: sourceText(records) };
  const fields = { prefix: context.options.prefix, sources: records };
  if (wrong.length === 0) return { outcome: "done", exitCode: 0, fields, ...common };
  const error = new ForgeError(
    "signature-wrong",
    `the signature of ${wrong.map(({ name }) => name).join(", ")} is wrong`,
    {
      hint: "do not build it: take upstream's key by another way, and distrust the location that it came from",
    },
  );
  return { outcome: "failed", exitCode: 1, fields: { ...fields, ...errorFields(error) }, ...common, error };
}

async function look(
  source: Source,
  built: Receipt["sources"][number] | null,
  fetch: FetchOptions,
): Promise<Omit<SourceRecord, "recipe" | "version">> {
  const { name, file, sha256, signature: spec } = source;
  if (sha256 === null) throw new Error(`the source ${name} has no digest`);
  // A look says what it sees in its own words.
  const quiet: FetchOptions = { ...fetch, offline: true, emit: () => undefined };
  const answer = await availability({ ...source, locations: [] }, quiet);
  const cached = answer.state === "cached" ? answer.path : null;
  const origin = cached === null ? null : await originOf(fetch.caches, sha256);
  const signers = (spec?.signers ?? []).map((signer) =>
    signer.kind === "openpgp"
      ? `${signer.name} (${signer.fingerprints.join(", ")})`
      : `${signer.identity} (${signer.issuer})`,
  );
  return {
    name,
    file,
    sha256,
    cached,
    origin,
    signers,
    required: spec?.required ?? false,
    signature:
      cached === null ? asBuilt(sha256, built) : await checked({ source: { ...source, sha256 }, path: cached }, quiet),
    built: built === null ? null : asReceived(built, built.sha256 === sha256 ? origin : null),
  };
}

/** `origin`: what the cache knows of the same bytes, where the receipt does not tell. */
function asReceived(
  { sha256, location, verified, ...built }: Receipt["sources"][number],
  origin: string | null,
): SourceRecord["built"] {
  return { sha256, location, verified, origin: location === "cache" ? (built.origin ?? origin) : null };
}

async function checked(
  file: { readonly source: Source & { readonly sha256: string }; readonly path: string },
  fetch: FetchOptions,
): Promise<SeenVerdict> {
  try {
    return await verifySignature({ ...file, cached: true, cachesOnly: true }, fetch);
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    if (error.code === "signature-missing") return { outcome: "untestable", why: "the caches have none" };
    if (error.code !== "signature-wrong") throw error;
    return { outcome: "failed", why: error.message };
  }
}

function asBuilt(sha256: string, built: Receipt["sources"][number] | null): SignatureVerdict {
  const why = "the source is not in a cache";
  const then = built?.sha256 === sha256 ? built.signature : undefined;
  if (then?.outcome === "untestable") return { ...then, why: `${why}; as it was built: ${then.why}` };
  return then ?? { outcome: "untestable", why };
}

async function currentReceipts(prefix: string): Promise<ReadonlyMap<string, Receipt>> {
  const manifest = await readManifest(prefix);
  const receipts = await Promise.all((manifest?.builds ?? []).map(({ out }) => readReceipt(out)));
  return new Map(receipts.flatMap((receipt) => (receipt === null ? [] : [[receipt.recipe, receipt]])));
}
