import { expect, it } from "vitest";
import { parseReceipt } from "../../../src/store/receipts.ts";
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

it("takes a receipt cut short at any byte for none", () => {
  const text = JSON.stringify(receipt);
  for (let length = 0; length < text.length; length += 1) expect(parseReceipt(text.slice(0, length))).toBeNull();
});

it("takes what is no receipt for none", () => {
  const broken = [
    { ...receipt, schema: "tlsforge.receipt/2" },
    { ...receipt, key: 1 },
    { ...receipt, inputs: {} },
    null,
    7,
    [],
  ];
  for (const value of broken) expect(parseReceipt(JSON.stringify(value))).toBeNull();
});
