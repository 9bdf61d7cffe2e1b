import { describe, expect, it } from "vitest";

import { createKeeper } from "../../../src/probe/keeper.ts";
import { concat, DecodeError } from "../../../src/wire/index.ts";
import { flightOf } from "./flights.ts";

/** A certificate that no other number gives. */
function certificate(number: number, length = 1000): Uint8Array {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

describe("keeper", () => {
  it("holds equal certificates once, and nothing of what they came in", () => {
    const keeper = createKeeper();
    const [one, other] = [1, 2].map(() => {
      const message = concat(certificate(1), certificate(2), new Uint8Array(5000));
      const certificates = [message.subarray(0, 1000), message.subarray(1000, 2000)];
      const random = message.subarray(2000, 2032);
      return keeper.keep({ ...flightOf({ random }), certificates, staple: message.subarray(2100, 2200) });
    });
    expect(one?.certificates).toEqual([certificate(1), certificate(2)]);
    expect(one?.certificates).toBe(other?.certificates);
    expect(one?.staple).toBe(other?.staple);
    for (const bytes of [one!.certificates![0]!, one!.staple!, one!.serverHello.random])
      expect(bytes.buffer.byteLength).toBe(bytes.length);
    expect(keeper.flights).toEqual([one, other]);
    expect(keeper.leftOut()).toBeNull();
  });

  it("holds a certificate of several chains once, and each chain in its own order", () => {
    const keeper = createKeeper();
    const chains = [
      [1, 2],
      [2, 1],
      [1, 2, 2],
    ].map((numbers) => keeper.keep({ ...flightOf(), certificates: numbers.map((number) => certificate(number)) }));
    expect(chains.map(({ certificates }) => certificates?.map((bytes) => bytes[3]))).toEqual([
      [1, 2],
      [2, 1],
      [1, 2, 2],
    ]);
    expect(new Set(chains.flatMap(({ certificates }) => certificates ?? [])).size).toBe(2);
  });

  it("leaves out certificates beyond its bound and says so, with all else there", () => {
    const keeper = createKeeper(2 ** 20);
    for (let count = 0; count < 2000; count++) keeper.keep({ ...flightOf(), certificates: [certificate(count)] });
    const kept = keeper.flights.flatMap(({ certificates }) => certificates ?? []);
    expect(keeper.flights).toHaveLength(2000);
    expect(kept.length).toBeGreaterThan(900);
    expect(kept.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(2 ** 20);
    expect(keeper.flights.at(-1)).toMatchObject({ certificates: null, serverHello: { cipherSuite: 0xc02f } });
    expect(keeper.leftOut()).toBe("the server sends more than 1 MiB of different certificates, which are not all kept");
  });

  it("counts responses and timestamps as well, and lists of nothing", () => {
    const [staples, lists] = [createKeeper(10_000), createKeeper(10_000)];
    for (let count = 0; count < 6; count++)
      staples.keep({ ...flightOf(), stapled: true, staple: certificate(count), timestamps: certificate(count + 10) });
    expect(staples.leftOut()).not.toBeNull();
    expect(staples.flights.at(-1)).toMatchObject({ stapled: true, staple: null, timestamps: null });
    lists.keep({ ...flightOf(), certificates: Array.from({ length: 1000 }, () => new Uint8Array(0)) });
    expect(lists.leftOut()).not.toBeNull();
  });

  it("refuses a flight that is too large without certificates", () => {
    const keeper = createKeeper();
    const data = new Uint8Array(2 ** 14);
    expect(() => keeper.keep(flightOf({ extensions: [1, 2].map((type) => ({ type, data })) }))).toThrow(DecodeError);
    const many = Array.from({ length: 600 }, (_, type) => ({ type, data: new Uint8Array(0) }));
    expect(() => keeper.keep(flightOf({ extensions: many }))).toThrow("a flight of more than 32768 bytes");
    expect(keeper.flights).toEqual([]);
  });
});
