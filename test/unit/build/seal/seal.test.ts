import { expect, it } from "vitest";
import type { ForgeError } from "../../../../src/errors.ts";
import { isWhole, requireSeal, sealPaths, sealText, type Seal } from "../../../../src/build/seal/seal.ts";

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
    { ...none, grade: "full", landlock: 6, network: "closed", command: ["perl", "seal.pl", "--no-pid"] },
    "sealed: no network, writes only to its own folders (namespaces, Landlock ABI 6)",
    true,
  ],
  [
    { ...none, grade: "full", landlock: 5, network: "closed", command: ["perl", "seal.pl", "--no-pid"] },
    "sealed in part: no network, writes only to its own folders; open: signals to other processes (namespaces, Landlock ABI 5)",
    false,
  ],
  [
    { ...none, grade: "landlock", landlock: 7, network: "closed" },
    "sealed in part: no network, writes only to its own folders; open: local services by Unix sockets, writes to /dev/shm, modes, owners and times of files, names of hidden files (Landlock ABI 7 and a filter for sockets, without namespaces)",
    false,
  ],
  [
    { ...none, grade: "landlock", landlock: 2, network: "closed" },
    "sealed in part: no network, writes only to its own folders; open: local services by Unix sockets, writes to /dev/shm, modes, owners and times of files, names of hidden files, truncation of files, signals to other processes (Landlock ABI 2 and a filter for sockets, without namespaces)",
    false,
  ],
  [
    { ...none, grade: "landlock", landlock: 4, network: "tcp" },
    "sealed in part: no TCP, writes only to its own folders; open: network other than TCP, System V and POSIX queues, semaphores and memory, local services by Unix sockets, writes to /dev/shm, modes, owners and times of files, names of hidden files, signals to other processes (Landlock ABI 4 alone)",
    false,
  ],
  [
    { ...none, grade: "landlock", landlock: 3, network: "open" },
    "sealed in part: network not sealed, writes only to its own folders; open: System V and POSIX queues, semaphores and memory, local services by Unix sockets, writes to /dev/shm, modes, owners and times of files, names of hidden files, signals to other processes (Landlock ABI 3 alone)",
    false,
  ],
  [none, "not sealed: unshare: Operation not permitted; Landlock: it is not there", false],
];

it.each(seals)("%o", (seal, text, enough) => {
  expect(sealText(seal)).toBe(text);
  expect(refusalOf(seal)).toEqual(enough ? null : { code: "sandbox-missing", ends: true });
  expect(isWhole({ grade: seal.grade, text, network: [] })).toBe(enough);
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

it("a receipt that tells of no seal is of no whole one, nor is one that tells of a step with the network", () => {
  expect(isWhole(undefined)).toBe(false);
  expect(isWhole({ grade: "full", text: "sealed: no network", network: ["run fetch"] })).toBe(false);
});

it("names the steps that have the network, a script in a word", () => {
  const text = sealText({ ...none, grade: "full", landlock: 7, network: "closed" }, [
    "run fetch it",
    `run sh -c a\nb${"c".repeat(80)}`,
  ]);
  expect(text).toBe(
    `sealed in part: no network, writes only to its own folders; open: the network to the step "run fetch it", the network to the step "run sh -c a b${"c".repeat(66)}…" (namespaces, Landlock ABI 7)`,
  );
  expect(isWhole({ grade: "full", text, network: [] })).toBe(false);
});

it("gives paths a line each, whatever is in them", () => {
  expect(sealPaths({ write: ["/a b", "/50%0A\n"], hide: ["/root"] })).toEqual({
    TLSFORGE_SEAL: "write /a b\nwrite /50%250A%0A\nhide /root\n",
  });
});
