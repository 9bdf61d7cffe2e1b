import { createHash } from "node:crypto";

import { DecodeError } from "../wire/index.ts";
import type { Flight } from "./client/answer.ts";

/** Keeps what flights have shown, in bounded memory. */
export interface Keeper {
  readonly flights: readonly Flight[];
  /**
   * Adds a flight and gives it as it is kept: in memory of its own, with equal certificates, responses and timestamps held once. Beyond the bound these are
   * left out. Throws DecodeError for a flight that is too large without them.
   */
  readonly keep: (flight: Flight) => Flight;
  /** Why not all certificates are there; null where they are. */
  readonly leftOut: () => string | null;
}

/** Bytes of different certificates, responses and timestamps of one target; ten chains of usual servers have 64 KiB. */
const mostKept = 2 ** 23;
/** Bytes of a flight without those; usual are 2 KiB. */
const mostBeside = 2 ** 15;
/** What a byte string costs beyond its bytes. */
const overhead = 64;

export function createKeeper(most: number = mostKept): Keeper {
  const flights: Flight[] = [];
  const parts = new Map<string, Uint8Array>();
  const lists = new Map<string, readonly Uint8Array[]>();
  let held = 0;
  const hold = (bytes: number): boolean => {
    held += bytes;
    return held <= most;
  };

  const intern = (list: readonly Uint8Array[]): readonly Uint8Array[] | null => {
    // Once something is left out nothing can be concluded from the rest.
    if (held > most) return null;
    const keys = list.map(keyOf);
    const name = keys.join(" ");
    const known = lists.get(name);
    if (known !== undefined) return known;
    if (!hold(list.length * overhead)) return null;
    const kept: Uint8Array[] = [];
    for (const [index, bytes] of list.entries()) {
      const key = keys[index] ?? "";
      const one = parts.get(key) ?? new Uint8Array(bytes);
      if (!parts.has(key) && !hold(bytes.length + overhead)) return null;
      parts.set(key, one);
      kept.push(one);
    }
    lists.set(name, kept);
    return kept;
  };
  const internOne = (bytes: Uint8Array | null): Uint8Array | null =>
    bytes === null ? null : (intern([bytes])?.[0] ?? null);

  return {
    flights,
    keep({ hello, certificates, staple, timestamps, certificateRequest, ...beside }) {
      const flight: Flight = {
        ...copied(beside),
        hello,
        certificates: certificates === null ? null : intern(certificates),
        staple: internOne(staple),
        timestamps: internOne(timestamps),
        certificateRequest: internOne(certificateRequest),
      };
      flights.push(flight);
      return flight;
    },
    leftOut: () =>
      held <= most
        ? null
        : `the server sends more than ${Math.floor(most / 2 ** 20)} MiB of different certificates, which are not all kept`,
  };
}

function keyOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64");
}

/** The same in memory of its own: a view of a few bytes would hold a whole message. */
function copied<T extends object>(value: T): T {
  let size = 0;
  const copy = (inner: unknown): unknown => {
    if (inner instanceof Uint8Array) {
      size += inner.length + overhead;
      if (size > mostBeside)
        throw new DecodeError(`a flight of more than ${mostBeside} bytes without its certificates`);
      return new Uint8Array(inner);
    }
    if (Array.isArray(inner)) return inner.map(copy);
    if (typeof inner !== "object" || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([name, field]) => [name, copy(field)]));
  };
  return copy(value) as T;
}
