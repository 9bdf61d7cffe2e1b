import { encodeKeyShare, uint, type Extension, type ServerKeyExchange } from "../../../src/wire/index.ts";
import type { Answer, Flight } from "../../../src/probe/client/answer.ts";
import { buildHello, type HelloPlan } from "../../../src/probe/client/hello.ts";
import type { SuiteProtocol } from "../../../src/probe/types.ts";

/** What a made-up flight says; everything else is what a good server would send. */
export interface FlightParts {
  readonly protocol?: SuiteProtocol;
  readonly suite?: number;
  readonly extensions?: readonly Extension[];
  readonly random?: Uint8Array;
  readonly compression?: number;
  readonly keyExchange?: ServerKeyExchange;
  readonly plan?: Partial<HelloPlan>;
}

/** A flight as `ask` would give it. */
export function flightOf(parts: FlightParts = {}): Flight {
  const protocol = parts.protocol ?? "TLSv1.2";
  const suite = parts.suite ?? 0xc02f;
  const hello = buildHello(
    { protocol, suites: [suite], ...parts.plan },
    { serverName: "example.org", random: (length) => new Uint8Array(length) },
  );
  return {
    hello,
    protocol,
    serverHello: {
      version: 0x0303,
      random: parts.random ?? new Uint8Array(32),
      sessionId: new Uint8Array(0),
      cipherSuite: suite,
      compressionMethod: parts.compression ?? 0,
      extensions: parts.extensions ?? [],
    },
    isRetry: false,
    certificates: null,
    stapled: false,
    staple: null,
    timestamps: null,
    asksForCertificate: null,
    certificateRequest: null,
    encryptedExtensions: null,
    scheme: null,
    keyExchange: parts.keyExchange ?? null,
  };
}

export function helloAnswer(parts: FlightParts): Answer {
  return { kind: "hello", flight: flightOf(parts) };
}

/** TLS 1.3 with this public value. */
export function shareFlight(group: number, value: number): Flight {
  const extensions = [
    { type: 43, data: uint(2, 0x0304) },
    { type: 51, data: encodeKeyShare({ group, exchange: new Uint8Array(32).fill(value) }) },
  ];
  return flightOf({ protocol: "TLSv1.3", suite: 0x1301, extensions });
}
