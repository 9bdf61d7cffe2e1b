import { describe, expect, test } from "vitest";
import { exposureOf, recordedExposure, refuseExposed } from "../../../../src/cli/serve/exposure.ts";
import type { GlobalOptions } from "../../../../src/cli/context.ts";
import type { ServerConfig } from "../../../../src/server/index.ts";

const context = (exposed: boolean) => ({ options: { exposed } as GlobalOptions });
const config = (...listen: readonly string[]): ServerConfig =>
  ({ generation: 7, listen, redirect: ["127.0.0.1:80"] }) as unknown as ServerConfig;

describe("a vulnerable server", () => {
  test.each([
    ["127.0.0.1:443"],
    ["127.9.9.9:443"],
    ["[::1]:443"],
    ["[0:0:0:0:0:0:0:1]:443"],
    ["[::ffff:127.0.0.1]:443"],
  ])("may listen on loopback: %s", (address) => {
    expect(() => refuseExposed(config(address), exposureOf(context(false), null))).not.toThrow();
  });

  test.each([["0.0.0.0:443"], ["192.0.2.1:443"], ["[::]:443"], ["[2001:db8::1]:443"], ["[::ffff:192.0.2.1]:443"]])(
    "may not listen where others reach it: %s",
    (address) => {
      expect(() => refuseExposed(config(address), exposureOf(context(false), null))).toThrow(
        `generation 7 is vulnerable, and others could reach it at ${address}`,
      );
      expect(() => refuseExposed(config(address), exposureOf(context(true), null))).not.toThrow();
    },
  );

  test("is recorded with the addresses that were insisted on, and no others count later", () => {
    const recorded = recordedExposure(context(true), config("0.0.0.0:443", "127.0.0.1:8443"), null);
    expect(recorded).toEqual(["0.0.0.0:443"]);
    const later = exposureOf(context(false), { exposed: recorded });
    expect(() => refuseExposed(config("0.0.0.0:443"), later)).not.toThrow();
    expect(() => refuseExposed(config("0.0.0.0:444"), later)).toThrow("0.0.0.0:444");
  });

  test("keeps its record as far as it is still asked for", () => {
    const before = { exposed: ["0.0.0.0:443", "0.0.0.0:80"] };
    expect(recordedExposure(context(false), config("0.0.0.0:443"), before)).toEqual(["0.0.0.0:443"]);
    expect(recordedExposure(context(false), config("127.0.0.1:443"), before)).toEqual([]);
  });
});
