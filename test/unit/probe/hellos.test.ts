import { describe, expect, it } from "vitest";

import type { Flight } from "../../../src/probe/client/answer.ts";
import { buildHello } from "../../../src/probe/client/hello.ts";
import { harvestHellos } from "../../../src/probe/features/hellos.ts";
import type { SuiteProtocol } from "../../../src/probe/types.ts";
import { ascii, concat, decodeClientHello, findExtension, uint, vector } from "../../../src/wire/index.ts";
import { encodeCertificateRequest12, encodeCertificateRequest13 } from "../../../src/wire/messages.ts";
import { versionsOffered } from "../../tools/versions.ts";
import { flightOf, shareFlight } from "./flights.ts";
import { nameOf } from "./made.ts";

const now = new Date("2026-11-23T12:00:00Z");
const both = ["TLSv1.3", "TLSv1.2"] as const;
const harvest = (flights: readonly Flight[], offered: readonly SuiteProtocol[] = both) =>
  harvestHellos(flights, { versions: versionsOffered(offered), now });
const notApplicable = { state: "untestable", why: expect.stringMatching(/^not applicable: /) };

describe("NPN", () => {
  const answered = (data: Uint8Array): Flight =>
    flightOf({ plan: { nextProtocols: true }, extensions: [{ type: 0x3374, data }] });

  it("is what a hello that asks for it is answered with", () => {
    const names = concat(vector(1, ascii("spdy/3")), vector(1, ascii("http/1.1")));
    expect(harvest([answered(names)]).nextProtocols).toEqual({ state: "observed", value: ["spdy/3", "http/1.1"] });
    expect(harvest([flightOf({ plan: { nextProtocols: true } })]).nextProtocols).toEqual({
      state: "observed",
      value: null,
    });
    expect(harvest([answered(new Uint8Array(0))]).nextProtocols).toEqual({ state: "observed", value: [] });
  });

  it("is unknown where nobody asked or the answer is broken, and has no meaning in TLS 1.3", () => {
    expect(harvest([flightOf()]).nextProtocols).toMatchObject({
      state: "untestable",
      why: "no hello that offers NPN was answered",
    });
    expect(harvest([answered(Uint8Array.of(9, 1))]).nextProtocols.state).toBe("failed");
    expect(harvest([shareFlight(29, 1)], ["TLSv1.3"]).nextProtocols).toMatchObject(notApplicable);
  });

  it("is asked for only where the plan says so", () => {
    for (const nextProtocols of [true, false]) {
      const hello = buildHello(
        { protocol: "TLSv1.2", suites: [0xc02f], nextProtocols },
        { serverName: "", random: (length) => new Uint8Array(length) },
      );
      const { extensions } = decodeClientHello(hello.message.subarray(4));
      expect(findExtension(extensions ?? [], 0x3374) !== undefined).toBe(nextProtocols);
    }
  });
});

describe("authorities of clients", () => {
  const authorities = [nameOf("Some CA"), nameOf("Other CA")];
  const asking = (flight: Flight, certificateRequest: Uint8Array | null): Flight => ({
    ...flight,
    asksForCertificate: true,
    certificateRequest,
  });
  const classic = encodeCertificateRequest12({ types: [1], schemes: [0x0401], authorities });
  const modern = (data: Uint8Array | null): Uint8Array =>
    encodeCertificateRequest13({ context: new Uint8Array(0), extensions: data === null ? [] : [{ type: 47, data }] });

  it("are named once, in either version", () => {
    const list = vector(2, ...authorities.map((name) => vector(2, name)));
    const flights = [asking(flightOf(), classic), asking(shareFlight(29, 1), modern(list))];
    for (const some of [flights, flights.slice(0, 1), flights.slice(1)])
      expect(harvest(some).clientAuthorities).toEqual({ state: "observed", value: ["CN=Some CA", "CN=Other CA"] });
    expect(harvest([asking(shareFlight(29, 1), modern(null))]).clientAuthorities).toEqual({
      state: "observed",
      value: [],
    });
  });

  it("are unknown where they were not read, and not there where nobody is asked", () => {
    expect(harvest([flightOf()]).clientAuthorities).toMatchObject({
      state: "untestable",
      why: "no flight was read to its end",
    });
    expect(harvest([{ ...flightOf(), asksForCertificate: false }]).clientAuthorities).toMatchObject(notApplicable);
    expect(harvest([asking(flightOf(), null)]).clientAuthorities).toMatchObject({
      state: "untestable",
      why: "the server sends more than is kept",
    });
    expect(harvest([asking(flightOf(), classic.subarray(0, 9))]).clientAuthorities.state).toBe("failed");
  });
});

describe("random values", () => {
  const at = (skew: number, filling: number): Flight =>
    flightOf({ random: concat(uint(4, now.getTime() / 1000 + skew), new Uint8Array(28).fill(filling)) });
  const random = (...flights: readonly Flight[]) => harvest(flights).serverRandom;

  it("tell the time where all of them do", () => {
    expect(random(at(-90, 1), at(-89, 2))).toEqual({
      state: "observed",
      value: { seen: 2, distinct: 2, clockSkewSeconds: -90 },
    });
    expect(random(at(5, 1), at(3601, 2))).toMatchObject({ value: { clockSkewSeconds: null } });
    expect(random(at(5, 1))).toMatchObject({ value: { clockSkewSeconds: null } });
  });

  it("repeat even where the clock goes on", () => {
    expect(random(at(1, 7), at(2, 7), at(3, 8))).toMatchObject({ value: { seen: 3, distinct: 2 } });
    expect(random({ ...at(1, 7), isRetry: true })).toMatchObject({ state: "untestable" });
  });
});

describe("a cookie of HelloRetryRequest", () => {
  it("is seen in retries only", () => {
    const retry = (extensions: Flight["serverHello"]["extensions"]): Flight => {
      const flight = { ...shareFlight(29, 1), isRetry: true };
      return { ...flight, serverHello: { ...flight.serverHello, extensions } };
    };
    expect(harvest([retry([{ type: 44, data: new Uint8Array(4) }])]).retryCookie).toEqual({
      state: "observed",
      value: true,
    });
    expect(harvest([retry([])]).retryCookie).toEqual({ state: "observed", value: false });
    expect(harvest([flightOf()]).retryCookie).toMatchObject({
      state: "untestable",
      why: "no HelloRetryRequest was seen",
    });
    expect(harvest([flightOf()], ["TLSv1.2"]).retryCookie).toMatchObject(notApplicable);
  });
});
