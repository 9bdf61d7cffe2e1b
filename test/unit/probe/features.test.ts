import { describe, expect, it } from "vitest";

import { harvestFeatures, ticket12In } from "../../../src/probe/features/features.ts";
import { failed, observed } from "../../../src/probe/outcome.ts";
import { samplesOf, summarise } from "../../../src/probe/keys/key-shares.ts";
import type { Flight } from "../../../src/probe/client/answer.ts";
import { ascii, concat, type Extension } from "../../../src/wire/index.ts";
import { versionsOffered } from "../../tools/versions.ts";
import { flightOf, shareFlight } from "./flights.ts";

const empty = new Uint8Array(0);
const good = [0xff01, 23, 35].map((type) => ({ type, data: empty }));
const marked = concat(new Uint8Array(24), ascii("DOWNGRD\u0001"));
const both = versionsOffered(["TLSv1.3", "TLSv1.2"]);

describe("features from flights", () => {
  it("are there when every flight has them", () => {
    const features = harvestFeatures([flightOf({ extensions: good, random: marked }), shareFlight(29, 1)], both);
    expect(features).toMatchObject({
      compression: { state: "observed", value: false },
      secureRenegotiation: { state: "observed", value: true },
      extendedMasterSecret: { state: "observed", value: true },
      downgradeSentinel: { state: "observed", value: true },
    });
  });

  it("are not there when one flight lacks them", () => {
    const features = harvestFeatures(
      [flightOf({ extensions: good, random: marked }), flightOf({ compression: 1 })],
      both,
    );
    expect(features).toMatchObject({
      compression: { state: "observed", value: true },
      secureRenegotiation: { state: "observed", value: false },
      extendedMasterSecret: { state: "observed", value: false },
      downgradeSentinel: { state: "observed", value: false },
    });
  });

  it("are untestable, never passed, without a flight", () => {
    const states = Object.values(harvestFeatures([], versionsOffered(["TLSv1.2"]))).map(({ state }) => state);
    expect(states).toEqual(Array.from({ length: 7 }, () => "untestable"));
  });

  it("say what does not apply to TLS 1.3 alone", () => {
    const { secureRenegotiation, extendedMasterSecret, downgradeSentinel } = harvestFeatures(
      [shareFlight(29, 1)],
      versionsOffered(["TLSv1.3"]),
    );
    for (const outcome of [secureRenegotiation, extendedMasterSecret, downgradeSentinel]) {
      expect(outcome).toMatchObject({ state: "untestable", why: expect.stringMatching(/^not applicable: /) });
    }
  });

  it.each(["TLSv1.2", "SSLv3"] as const)("are not taken for absent where %s is not known", (name) => {
    const gap = { support: failed("no answer"), suites: undefined };
    const features = harvestFeatures([shareFlight(29, 1)], { ...versionsOffered(["TLSv1.3"]), [name]: gap });
    const { compression, secureRenegotiation } = features;
    expect([compression, secureRenegotiation]).toEqual([failed("no answer"), failed("no answer")]);
    if (name === "SSLv3") return;
    const { extendedMasterSecret, downgradeSentinel, encryptThenMac } = features;
    for (const outcome of [extendedMasterSecret, downgradeSentinel, encryptThenMac])
      expect(outcome).toEqual(failed("no answer"));
    const read = { ...shareFlight(29, 1), encryptedExtensions: [] };
    expect(harvestFeatures([read], { ...versionsOffered(["TLSv1.3"]), [name]: gap }).heartbeat.state).toBe("failed");
    expect(harvestFeatures([read], versionsOffered(["TLSv1.3"])).heartbeat).toEqual(observed(false));
  });

  it("do not blame a server for extensions that a plain hello did not offer", () => {
    const flight = flightOf({ extensions: good.slice(0, 1), plan: { plain: true } });
    expect(harvestFeatures([flight], versionsOffered(["TLSv1.2"])).extendedMasterSecret.state).toBe("untestable");
    expect(ticket12In([flight])).toBeNull();
    expect(ticket12In([flightOf({ extensions: good })])).toBe(true);
    expect(ticket12In([flightOf()])).toBe(false);
  });

  it("are encrypt-then-MAC for every suite with CBC, and for no other", () => {
    const cbc = (extensions: readonly Extension[]) => flightOf({ suite: 0xc013, extensions });
    const macIn = (flights: readonly Flight[]) => harvestFeatures(flights, both).encryptThenMac;
    const answered = cbc([{ type: 22, data: empty }]);
    expect(macIn([answered, flightOf()])).toEqual({ state: "observed", value: true });
    expect(macIn([answered, cbc([])])).toEqual({ state: "observed", value: false });
    expect(macIn([flightOf()])).toMatchObject({ state: "untestable", why: expect.stringContaining("not applicable") });
    // Offered, and never taken with what it is asked for.
    expect(harvestFeatures([flightOf()], versionsOffered(["TLSv1.2"], 0xc013)).encryptThenMac).toEqual({
      state: "untestable",
      why: "no hello that offers it was answered with a suite with CBC",
    });
    expect(macIn([{ ...cbc([]), protocol: "SSLv3" }])).toMatchObject({ state: "untestable" });
  });

  it("are heartbeats in either place, and a certificate wanted in any flight read to its end", () => {
    const features = (flights: readonly Flight[]) => {
      const versions = versionsOffered([...new Set(flights.map(({ protocol }) => protocol))]);
      const { heartbeat, clientCertificateRequested } = harvestFeatures(flights, versions);
      return [heartbeat, clientCertificateRequested];
    };
    const yes = { state: "observed", value: true };
    const no = { state: "observed", value: false };
    const modern = { ...shareFlight(29, 1), encryptedExtensions: [], asksForCertificate: false };
    expect(features([{ ...flightOf(), asksForCertificate: false }])).toEqual([no, no]);
    expect(features([modern, { ...modern, asksForCertificate: true }])).toEqual([no, yes]);
    expect(features([flightOf({ extensions: [{ type: 15, data: empty }] })])).toMatchObject([
      yes,
      { state: "untestable" },
    ]);
    expect(features([{ ...modern, encryptedExtensions: [{ type: 15, data: empty }] }])).toEqual([yes, no]);
    expect(features([shareFlight(29, 1)])[0]).toMatchObject({ state: "untestable" });
  });

  it("know the older mark of a TLS 1.2 server", () => {
    const older = flightOf({
      protocol: "TLSv1.1",
      suite: 0x2f,
      random: concat(new Uint8Array(24), ascii("DOWNGRD\u0000")),
    });
    expect(harvestFeatures([older, flightOf()], versionsOffered(["TLSv1.2", "TLSv1.1"])).downgradeSentinel).toEqual({
      state: "observed",
      value: true,
    });
  });
});

describe("key shares", () => {
  it("are counted per group, repeated ones seen", () => {
    const flights = [shareFlight(29, 1), shareFlight(29, 2), shareFlight(29, 1), shareFlight(23, 1)];
    const point = (value: number): Uint8Array => Uint8Array.of(4, value);
    const ecdhe = flightOf({
      keyExchange: { kind: "ECDHE", group: 23, point: point(1), params: empty, signed: empty },
    });
    const dhe = flightOf({
      keyExchange: {
        kind: "DHE",
        prime: Uint8Array.of(0x80, 0),
        generator: point(2),
        publicValue: point(9),
        params: empty,
        signed: empty,
      },
    });
    expect(summarise(samplesOf([...flights, ecdhe, ecdhe, dhe, flightOf()]))).toEqual([
      { kind: "TLSv1.3", group: "X25519", seen: 3, distinct: 2 },
      { kind: "TLSv1.3", group: "P-256", seen: 1, distinct: 1 },
      { kind: "ECDHE", group: "P-256", seen: 2, distinct: 1 },
      { kind: "DHE", group: "DH 16", seen: 1, distinct: 1 },
    ]);
  });
});
