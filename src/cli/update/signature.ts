/** The one place where a proposal asks whether a new source is signed by who signs its predecessors. */
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import { verifySignature, type FetchOptions } from "../../fetch/index.ts";
import type { Recipe, Source } from "../../recipe/index.ts";
import type { Proposal, TakenSource } from "./proposal.ts";

/** What a signature said. A wrong one is no finding: it is thrown, and nothing is proposed. */
export interface SignatureFinding {
  readonly state: "checked" | "not-checked";
  /** Who signed, or why it was not looked at. */
  readonly detail: string;
}

/** A proposal whose sources were asked for their signatures. */
export type SignedProposal = Omit<Proposal, "added" | "sources"> & {
  readonly sources: readonly (TakenSource & { readonly signature: SignatureFinding })[];
};

/** Asks for the signature of every source of some proposals. `recipe`: as it would be with them. */
export async function withSignatures(
  proposals: readonly Proposal[],
  options: { readonly recipe: Recipe; readonly fetch: FetchOptions; readonly cache: string },
): Promise<readonly SignedProposal[]> {
  const signed: SignedProposal[] = [];
  for (const { version, after, sources, notes } of proposals) {
    const found = [];
    for (const source of sources) {
      const entry = options.recipe.versions.find((listed) => listed.version === version);
      const written = entry?.sources.find(({ sha256 }) => sha256 === source.sha256);
      if (written === undefined) throw new Error(`the proposal of ${version} lacks its source ${source.file}`);
      const asked: Source = { name: options.recipe.name, ...written, unpack: "main" };
      found.push({
        ...source,
        signature: await signatureOf(asked, path.join(options.cache, source.sha256), options.fetch),
      });
    }
    const said = found.map(({ file, signature: { state, detail } }) =>
      state === "checked"
        ? `${version}: ${file}: signature checked: ${detail}`
        : `${version}: ${file}: SIGNATURE NOT CHECKED: ${detail}; compare its digest with upstream's before you take it`,
    );
    signed.push({ version, after, sources: found, notes: [...notes, ...said] });
  }
  return signed;
}

/** Checks the signature of one source whose bytes lie at `file`, by the signers of the recipe. One that is missing is said; a wrong one is thrown. */
async function signatureOf(source: Source, file: string, fetch: FetchOptions): Promise<SignatureFinding> {
  const { sha256 } = source;
  if (sha256 === null) return { state: "not-checked", detail: "its digest is not known" };
  try {
    const verdict = await verifySignature({ source: { ...source, sha256 }, path: file, cached: false }, fetch);
    if (verdict.outcome === "untestable") return { state: "not-checked", detail: verdict.why };
    const { signer, key, made, from, pinned, notes } = verdict;
    const detail = [`${signer}${key === undefined ? "" : ` (${key})`}, made ${made}, from ${from}`, ...notes].join(
      "; ",
    );
    return pinned
      ? { state: "checked", detail }
      : { state: "not-checked", detail: `signed by ${detail}, whom the recipe does not name` };
  } catch (error) {
    if (!(error instanceof ForgeError) || error.code !== "signature-missing") throw error;
    return { state: "not-checked", detail: [error.message, ...error.details].join("; ") };
  }
}
