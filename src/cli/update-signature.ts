/** The one place where a proposal asks whether a new source is signed by who signs its predecessors. */
import path from "node:path";
import type { FetchOptions } from "../fetch/index.ts";
import type { Recipe, Source } from "../recipe/index.ts";
import type { Proposal, TakenSource } from "./update-proposal.ts";

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

/** Checks the signature of one source whose bytes lie at `file`. Nothing here can read one yet. */
async function signatureOf(source: Source, _file: string, _fetch: FetchOptions): Promise<SignatureFinding> {
  return { state: "not-checked", detail: `the recipe of ${source.name} names no signer` };
}
