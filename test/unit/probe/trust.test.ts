import { describe, expect, it } from "vitest";

import { createTrustStore, judgeTrust } from "../../../src/probe/certificates/trust.ts";
import { make, makeKeys } from "./made.ts";

const now = new Date(Date.UTC(2026, 5, 1));
const [keys, other, rootKeys] = [makeKeys(), makeKeys(), makeKeys()];
const root = make({ name: "Root", issuer: "Root", keys: rootKeys, signer: rootKeys, ca: true });
const leaf = make({ name: "leaf", issuer: "A", keys: other, signer: keys });
const trusting = createTrustStore([root.toString()], []);

function times<T>(count: number, one: () => T): T[] {
  return Array.from({ length: count }, one);
}

describe("a hostile chain", () => {
  it("of certificates that issued each other ends at once, and without trust", { timeout: 5000 }, () => {
    const a = times(12, () => make({ name: "A", issuer: "B", keys, signer: keys, ca: true }));
    const b = times(12, () => make({ name: "B", issuer: "A", keys, signer: keys, ca: true }));
    const begin = performance.now();
    const { trust, path } = judgeTrust([leaf, ...a, ...b], trusting, now);
    expect(performance.now() - begin).toBeLessThan(1000);
    expect([trust.trusted, trust.reason, path]).toEqual([false, expect.stringContaining("no issuer found"), null]);
    const way = make({ name: "B", issuer: "Root", keys, signer: rootKeys, ca: true });
    expect(judgeTrust([leaf, ...a, ...b, way], trusting, now)).toMatchObject({
      trust: { trusted: true, anchor: "CN=Root" },
      path: { length: 4 },
    });
  });

  it("that asks for too many checks of signatures is not trusted, whatever comes after", () => {
    const unfit = times(201, () => make({ name: "A", issuer: "Root", keys: other, signer: rootKeys, ca: true }));
    const fit = make({ name: "A", issuer: "Root", keys, signer: rootKeys, ca: true });
    expect(judgeTrust([leaf, ...unfit, fit], trusting, now).trust).toEqual({
      trusted: false,
      local: false,
      anchor: null,
      reason: "no path to an anchor was found within 200 checks of signatures",
    });
    expect(judgeTrust([leaf, ...unfit.slice(0, 100), fit], trusting, now).trust.trusted).toBe(true);
  });
});
