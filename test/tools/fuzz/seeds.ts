import recorded from "../../fixtures/fleet/flights.json" with { type: "json" };

/** How bytes are read: as the answer to a hello, as an SSL 2.0 answer, as what stands inside of protected records, as DER, as the head of an HTTP response. */
export type Kind = "flight" | "ssl2" | "messages" | "der" | "http";

export interface Seed {
  readonly name: string;
  readonly kind: Kind;
  /** Of a flight: the version that was asked for. */
  readonly protocol: "SSLv3" | "TLSv1.0" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
  readonly bytes: Uint8Array;
}

/** What servers of the fleet really sent. */
export const seeds: readonly Seed[] = recorded.map(({ name, kind, protocol, base64 }) => ({
  name,
  kind: kind as Kind,
  protocol: protocol as Seed["protocol"],
  bytes: new Uint8Array(Buffer.from(base64, "base64")),
}));
