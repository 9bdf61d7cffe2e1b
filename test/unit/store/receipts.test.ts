import { expect, it } from "vitest";
import { parseReceipt } from "../../../src/store/receipt-text.ts";
import type { Receipt } from "../../../src/store/index.ts";

const receipt: Receipt = {
  schema: "tlsforge.receipt/1",
  recipe: "demo",
  version: "1.0",
  key: "0".repeat(64),
  out: "/p/store/0000000000000000-demo-1.0",
  inputs: [],
  sources: [],
  tools: {},
  steps: [],
  gates: [],
  wallSeconds: 1,
  cpuSeconds: 1,
  finished: "2026-01-01T00:00:00.000Z",
};

it("reads a whole receipt", () => {
  expect(parseReceipt(JSON.stringify(receipt))).toEqual(receipt);
});

it("reads what a receipt may have besides, also in an older one", () => {
  const source = { name: "a", file: "a.tar.gz", sha256: "0", location: "cache", verified: true };
  const signature = { outcome: "untestable", why: "nobody signs it" } as const;
  const more: Receipt = {
    ...receipt,
    sources: [source, { ...source, origin: "mirror", signature }],
    contents: { sha256: "0", entries: 1, bytes: 1 },
    environment: { PATH: "/bin" },
  };
  expect(parseReceipt(JSON.stringify(more))).toEqual(more);
});

it("takes a receipt cut short at any byte for none", () => {
  const text = JSON.stringify(receipt);
  for (let length = 0; length < text.length; length += 1) expect(parseReceipt(text.slice(0, length))).toBeNull();
});

it("takes what is no receipt for none", () => {
  const broken = [
    { ...receipt, schema: "tlsforge.receipt/2" },
    { ...receipt, key: 1 },
    { ...receipt, inputs: {} },
    { ...receipt, inputs: [null] },
    { ...receipt, inputs: [{ name: "a", version: "1" }] },
    { ...receipt, sources: [null] },
    { ...receipt, sources: [{ name: "a", file: "a", sha256: null, location: "cache", verified: true }] },
    { ...receipt, gates: [null] },
    { ...receipt, tools: { cc: null } },
    { ...receipt, seal: null },
    { ...receipt, contents: { sha256: "" } },
    null,
    7,
    [],
  ];
  for (const value of broken) expect(parseReceipt(JSON.stringify(value))).toBeNull();
});
