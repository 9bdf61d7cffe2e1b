import { join } from "node:path/posix";
import type { SourceDocument } from "./document.ts";
import { fillLocation } from "./locations.ts";
import { nearest } from "./nearest.ts";
import type { Problem } from "./problems.ts";
import type { WrittenRecipe } from "./recipe-schema.ts";
import type { SignatureSpec, Signer } from "./signature-types.ts";

type WrittenSource = WrittenRecipe["versions"][number]["sources"][number];

/** Signers that a source names and the recipe lacks, and sources that are signed in two ways at once. */
export function lintSigners(written: WrittenRecipe, document: SourceDocument): Problem[] {
  const names = Object.keys(written.signers);
  return written.versions.flatMap((version, index) =>
    version.sources.flatMap(({ signature }, position) => {
      if (signature === undefined) return [];
      const place = ["versions", index, "sources", position, "signature", "by"];
      const unknown = signature.by
        .map((signer, at) => ({ signer, path: document.has([...place, at]) ? [...place, at] : place }))
        .filter(({ signer }) => !names.includes(signer));
      const kinds = new Set(signature.by.map((signer) => written.signers[signer]?.kind ?? "unknown"));
      const mixed = unknown.length === 0 && kinds.size > 1;
      return [
        ...unknown.map(({ signer, path }) => unknownSigner(signer, names, document.locate(path))),
        ...(mixed
          ? [
              {
                message: "signers of different kinds for one source",
                span: document.locate(place),
                expected: "one kind",
              },
            ]
          : []),
      ];
    }),
  );
}

function unknownSigner(signer: string, names: readonly string[], span: Problem["span"]): Problem {
  const match = nearest(signer, names);
  return {
    message: `"${signer}" is not a signer of this recipe`,
    span,
    expected: names.length === 0 ? 'an entry in "signers"; there is none' : `one of ${names.join(", ")}`,
    hint: match === undefined ? undefined : `did you mean "${match}"?`,
  };
}

/** The signers of a recipe by name, with their places in the file. `folder` is the recipe's, absolute. */
export function toSigners(
  written: WrittenRecipe["signers"],
  document: SourceDocument,
  folder: string,
): Readonly<Record<string, Signer>> {
  const entries = Object.entries(written).map(([name, signer]): [string, Signer] => {
    if (signer.kind === "sigstore") return [name, { name, ...signer }];
    const place = ["signers", name, "openpgp"];
    const list = [...place, "fingerprints"];
    const fingerprints = signer.fingerprints.map((_, index) =>
      document.locate(document.has([...list, index]) ? [...list, index] : list),
    );
    const spans = { keys: document.locate([...place, "keys"]), fingerprints };
    return [name, { name, ...signer, keys: join(folder, signer.keys), spans }];
  });
  return Object.fromEntries(entries);
}

/** What a source of a recipe says of its signature, made concrete. Names that are not there were refused before. */
export function toSignature(
  { signature }: WrittenSource,
  signers: Readonly<Record<string, Signer>>,
  values: Readonly<Record<string, string>>,
): SignatureSpec | undefined {
  if (signature === undefined) return undefined;
  return {
    signers: signature.by.flatMap((name) => signers[name] ?? []),
    required: signature.required,
    locations: (signature.locations ?? []).map((location) => fillLocation(location, values)),
  };
}
