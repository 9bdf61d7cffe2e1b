import { isFlag, isNumber, isText, listOf, mapOf, oneOf, optional, shapeOf } from "./shapes.ts";
import type { Receipt } from "./types.ts";

/** A receipt from its text; null for what is cut short, damaged or none. */
export function parseReceipt(text: string): Receipt | null {
  try {
    const value: unknown = JSON.parse(text);
    return isReceipt(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const isReceipt = shapeOf<Receipt>({
  schema: oneOf("tlsforge.receipt/1"),
  recipe: isText,
  version: isText,
  key: isText,
  out: isText,
  inputs: listOf(shapeOf<Receipt["inputs"][number]>({ name: isText, version: isText, key: isText })),
  sources: listOf(
    shapeOf<Receipt["sources"][number]>({
      name: isText,
      file: isText,
      sha256: isText,
      location: isText,
      origin: optional(isText),
      verified: isFlag,
      signature: optional(isSignature),
    }),
  ),
  tools: mapOf(isText),
  steps: listOf(isText),
  gates: listOf(shapeOf<Receipt["gates"][number]>({ name: isText, detail: isText })),
  fallback: optional(shapeOf<NonNullable<Receipt["fallback"]>>({ wanted: isText, reasons: listOf(isText) })),
  seal: optional(
    shapeOf<NonNullable<Receipt["seal"]>>({
      grade: oneOf("full", "namespaces", "landlock", "none"),
      text: isText,
      network: listOf(isText),
      leftBehind: optional(listOf(isText)),
    }),
  ),
  contents: optional(shapeOf<NonNullable<Receipt["contents"]>>({ sha256: isText, entries: isNumber, bytes: isNumber })),
  wallSeconds: isNumber,
  cpuSeconds: isNumber,
  finished: isText,
  environment: optional(mapOf(isText)),
});

type Signature = NonNullable<Receipt["sources"][number]["signature"]>;

function isSignature(value: unknown): boolean {
  return isSeen(value) || isUntestable(value);
}

const isSeen = shapeOf<Extract<Signature, { readonly outcome: "observed" }>>({
  outcome: oneOf("observed"),
  kind: oneOf("openpgp", "sigstore", "attestation"),
  signer: isText,
  key: optional(isText),
  issuer: optional(isText),
  made: isText,
  pinned: isFlag,
  from: isText,
  notes: listOf(isText),
});

const isUntestable = shapeOf<Extract<Signature, { readonly outcome: "untestable" }>>({
  outcome: oneOf("untestable"),
  why: isText,
});
