import { expect, it } from "vitest";
import type { ForgeError } from "../../../../src/errors.ts";
import { requireSeal, sealPaths, sealText, type Seal } from "../../../../src/build/seal/seal.ts";

const none: Seal = {
  grade: "none",
  landlock: 0,
  network: "open",
  refused: ["unshare: Operation not permitted", "Landlock: it is not there"],
  remedy: null,
  command: [],
  homes: [],
  perlMissing: false,
};

const seals: readonly (readonly [seal: Seal, text: string, enough: boolean])[] = [
  [
    { ...none, grade: "full", landlock: 7, network: "closed" },
    "sealed: no network, writes only to its own folders (namespaces, Landlock ABI 7)",
    true,
  ],
  [
    { ...none, grade: "namespaces", network: "closed" },
    "sealed: no network, writes only to its own folders (namespaces, without Landlock)",
    true,
  ],
  [
    { ...none, grade: "landlock", landlock: 3, network: "closed" },
    "sealed: no network, writes only to its own folders (Landlock ABI 3 and a filter for sockets, without namespaces)",
    true,
  ],
  [
    { ...none, grade: "landlock", landlock: 4, network: "tcp" },
    "sealed in part: no TCP, other network not sealed, writes only to its own folders (Landlock ABI 4 alone)",
    false,
  ],
  [
    { ...none, grade: "landlock", landlock: 3, network: "open" },
    "sealed in part: network not sealed, writes only to its own folders (Landlock ABI 3 alone)",
    false,
  ],
  [none, "not sealed: unshare: Operation not permitted; Landlock: it is not there", false],
];

it.each(seals)("%o", (seal, text, enough) => {
  expect(sealText(seal)).toBe(text);
  expect(refusalOf(seal)).toEqual(enough ? null : { code: "sandbox-missing", ends: true });
});

function refusalOf(seal: Seal): { readonly code: string; readonly ends: boolean } | null {
  try {
    requireSeal(seal);
    return null;
  } catch (error) {
    const { code, message } = error as ForgeError;
    return { code, ends: message.endsWith(`--require-sandbox was given: ${sealText(seal)}`) };
  }
}

it("gives paths a line each, whatever is in them", () => {
  expect(sealPaths({ write: ["/a b", "/50%0A\n"], hide: ["/root"] })).toEqual({
    TLSFORGE_SEAL: "write /a b\nwrite /50%250A%0A\nhide /root\n",
  });
});
