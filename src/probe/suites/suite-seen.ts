import { bitLength, groupOf, suiteOf } from "../../wire/index.ts";
import type { Flight } from "../client/answer.ts";
import type { SuiteSeen } from "../types.ts";

/** A suite as data, with the group or prime of the flight that it was seen with. */
export function suiteSeen(id: number, flight: Flight | undefined): SuiteSeen {
  const { name, opensslName, keyExchange, authentication, encryption, bits, aead, forwardSecrecy } = suiteOf(id);
  const exchange = flight?.keyExchange;
  return {
    id,
    name,
    opensslName,
    keyExchange,
    authentication,
    encryption,
    bits,
    aead,
    forwardSecrecy,
    group: exchange?.kind === "ECDHE" ? groupOf(exchange.group).name : null,
    dhBits: exchange?.kind === "DHE" ? bitLength(exchange.prime) : null,
  };
}
