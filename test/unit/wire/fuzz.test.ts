import { describe, expect, it } from "vitest";

import { DecodeError } from "../../../src/wire/index.ts";
import { drawFrom, mutate } from "../../tools/fuzz/mutate.ts";
import { fuzz } from "../../tools/fuzz/run.ts";
import { seeds } from "../../tools/fuzz/seeds.ts";
import { readAs } from "../../tools/fuzz/targets.ts";

/** `npm run fuzz` goes on for longer, and elsewhere: here the seed is fixed, so a failure comes back. */
const seconds = 3;

describe("flights that servers sent", () => {
  it("are there of every kind, and the whole ones can be read", async () => {
    expect(new Set(seeds.map(({ kind }) => kind))).toEqual(new Set(["flight", "ssl2", "messages", "der", "http"]));
    for (const { name, kind, protocol, bytes } of seeds) {
      // A refusal of a version is an alert of seven bytes.
      const isAlert = bytes.length === 7;
      expect([name, kind, await readAs(kind, bytes, { protocol, draw: drawFrom(1) })]).toEqual([name, kind, !isAlert]);
    }
  });
});

describe("mutated flights", () => {
  it(
    "never give anything but a value or a refusal, do not hang, and need no more memory than they have",
    async () => {
      const result = await fuzz({ seconds, runs: Number.POSITIVE_INFINITY, seed: 20_251_123 });
      expect(result.runs).toBeGreaterThan(500);
      // Both happen, or the mutations would test nothing.
      expect(result.read).toBeGreaterThan(0);
      expect(result.refused).toBeGreaterThan(0);
      expect(result.growthBytes).toBeLessThan(500_000_000);
    },
    seconds * 1000 + 30_000,
  );

  it("come from the seed alone", () => {
    const [first, second] = seeds as [(typeof seeds)[number], (typeof seeds)[number]];
    const made = (seed: number): Uint8Array => mutate(first.bytes, second.bytes, drawFrom(seed));
    expect(made(5)).toEqual(made(5));
    expect(made(5)).not.toEqual(made(6));
  });
});

describe("the fuzzer itself", () => {
  it("lets only the expected errors pass", async () => {
    const refused = { protocol: "TLSv1.2" as const, draw: drawFrom(1) };
    expect(await readAs("ssl2", Uint8Array.of(1, 2, 3), refused)).toBe(false);
    expect(await readAs("flight", Uint8Array.of(21, 3, 3, 0, 2, 2, 40), refused)).toBe(false);
    const broken = {
      get length(): number {
        throw new TypeError("a fault");
      },
    } as unknown as Uint8Array;
    await expect(readAs("ssl2", broken, refused)).rejects.not.toBeInstanceOf(DecodeError);
  });

  it("takes a ServerHello with a broken key share for garbage", async () => {
    const whole = seeds.find(
      ({ name, protocol, bytes }) => name === "openssl" && protocol === "TLSv1.3" && bytes.length > 99,
    )!;
    const bytes = Uint8Array.from(whole.bytes);
    // The length of the share: type 0x0033, length 0x0024, group 0x001d, length 0x0020.
    const at = Buffer.from(bytes).indexOf("00330024001d0020", "hex") + 6;
    bytes[at] = 0xff;
    expect(await readAs("flight", bytes, { protocol: "TLSv1.3", draw: drawFrom(1) })).toBe(false);
  });
});
