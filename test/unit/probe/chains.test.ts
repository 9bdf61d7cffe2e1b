import type { X509Certificate } from "node:crypto";

import { describe, expect, it } from "vitest";

import { harvestChains } from "../../../src/probe/certificates/chains.ts";
import { encodeDer } from "../../../src/wire/index.ts";
import { createTrustStore } from "../../../src/probe/certificates/trust.ts";
import type { Flight } from "../../../src/probe/client/answer.ts";
import type { ChainSeen } from "../../../src/probe/types.ts";
import { make, makeKeys, sequence, type Wanted } from "./made.ts";

const now = new Date(Date.UTC(2026, 5, 1));
const [keys, issuerKeys, rootKeys] = [makeKeys(), makeKeys(), makeKeys()];
const root = make({ name: "Root", issuer: "Root", keys: rootKeys, signer: rootKeys, ca: true });
const old: Partial<Wanted> = { dates: ["240101", "250101"] };

function leafWith(changes: Partial<Wanted> = {}): X509Certificate {
  return make({ name: "leaf", issuer: "Issuer", keys, signer: issuerKeys, ...changes });
}

function issuerWith(changes: Partial<Wanted> = {}): X509Certificate {
  return make({ name: "Issuer", issuer: "Root", keys: issuerKeys, signer: rootKeys, ca: true, ...changes });
}

/** What is said of a chain that was sent. */
async function seen(
  chain: readonly X509Certificate[],
  of: { anchors?: readonly X509Certificate[]; flight?: Partial<Flight> } = {},
): Promise<ChainSeen> {
  const certificates = chain.map(({ raw }) => new Uint8Array(raw));
  const flight = { certificates, stapled: false, staple: null, timestamps: null, ...of.flight } as Flight;
  const store = createTrustStore([], (of.anchors ?? [root]).map(String));
  const target = { host: "leaf", serverName: "leaf" } as Parameters<typeof harvestChains>[1]["target"];
  const chains = await harvestChains([flight], { target, store, now });
  if (chains?.state !== "observed") throw new Error(chains?.why);
  return chains.value[0]!;
}

describe("the dates of a chain", () => {
  it("are those of the leaf and of the path to the anchor, not of what is sent beside it", async () => {
    const crossed = make({ name: "Root", issuer: "Old root", keys: rootKeys, signer: keys, ca: true, ...old });
    for (const surplus of [crossed, issuerWith(old)]) {
      const { validNow, trust } = await seen([leafWith(), issuerWith(), surplus]);
      expect([validNow, trust]).toMatchObject([true, { value: { trusted: true } }]);
    }
  });

  it("are those of the leaf and its issuers where there is no path", async () => {
    const validNow = async (...chain: X509Certificate[]) => (await seen(chain, { anchors: [] })).validNow;
    expect(await validNow(leafWith(), issuerWith())).toBe(true);
    expect(await validNow(leafWith(old), issuerWith())).toBe(false);
    expect(await validNow(leafWith(), issuerWith(old))).toBe(false);
    expect((await seen([leafWith(), issuerWith(old)])).validNow).toBe(false);
  });
});

describe("timestamps in a certificate", () => {
  // 1.3.6.1.4.1.11129.2.4.2
  const type = Uint8Array.of(6, 10, 0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2);

  it("that are no list leave those of the handshake as they are", async () => {
    const extension = sequence(type, encodeDer(0x04, Uint8Array.of(2, 1, 5)));
    const { timestamps } = await seen([leafWith({ extension }), issuerWith()], {
      flight: { timestamps: Uint8Array.of(0, 1, 0) },
    });
    expect(timestamps.map(({ source, valid }) => [source, valid.state])).toEqual([
      ["certificate", "failed"],
      ["handshake", "failed"],
    ]);
    expect(timestamps[0]?.valid).toMatchObject({ why: expect.stringContaining("no octet string") });
  });
});
