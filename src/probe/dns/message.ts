import { AUTHENTIC_DATA, decode, DNSSEC_OK, encode, RECURSION_DESIRED, type RecordType } from "dns-packet";

/** What is asked for: CAA (RFC 8659), TLSA (RFC 6698), HTTPS (RFC 9460, which the codec knows by number only). */
export type Wanted = "CAA" | "TLSA" | "HTTPS";

export interface Question {
  readonly name: string;
  readonly type: Wanted;
}

/** An answer of a resolver, as far as it is for the question. */
export interface DnsAnswer {
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` … */
  readonly rcode: string;
  /** The resolver says that it has verified the answer with DNSSEC (RFC 4035, 3.2.3). */
  readonly authenticated: boolean;
  /** The data of the records of this type, as the codec has them. */
  readonly data: readonly unknown[];
}

const codecTypes: Readonly<Record<Wanted, string>> = { CAA: "CAA", TLSA: "TLSA", HTTPS: "UNKNOWN_65" };

/** What passes without fragments everywhere (DNS flag day 2020). */
const udpPayloadSize = 1232;

/** A query that wants recursion and asks whether the answer was verified; `edns` false leaves out what very old resolvers refuse. */
export function encodeQuery({ name, type }: Question, of: { readonly id: number; readonly edns: boolean }): Uint8Array {
  return encode({
    type: "query",
    id: of.id,
    flags: RECURSION_DESIRED | AUTHENTIC_DATA,
    questions: [{ name, type: codecTypes[type] as RecordType, class: "IN" }],
    additionals: of.edns
      ? [
          {
            type: "OPT",
            name: ".",
            udpPayloadSize,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: DNSSEC_OK,
            flag_do: true,
            options: [],
          },
        ]
      : [],
  });
}

/** A resolver's message: the answer, or why it is none. `ignore` is for what does not belong to the question: a later one may. */
export type Decoded =
  | { readonly kind: "answer"; readonly answer: DnsAnswer }
  | { readonly kind: "truncated" }
  | { readonly kind: "ignore"; readonly why: string };

/** Reads what came back for a query with this id. Never throws. */
export function decodeAnswer(bytes: Uint8Array, { name, type }: Question, id: number): Decoded {
  const packet = read(bytes);
  if (packet === null) return { kind: "ignore", why: "what the resolver answers cannot be read" };
  const { rcode, questions = [] } = packet;
  const [question] = questions;
  // Who cannot read a query may answer with the bare header (RFC 6891, 7; RFC 8906, 3.2.1).
  const isBare = questions.length === 0 && ["FORMERR", "NOTIMP"].includes(rcode);
  const isOfQuestion = question?.type === codecTypes[type] && sameName(question.name, name);
  if (!packet.flag_qr || packet.id !== id || !(isBare || isOfQuestion))
    return { kind: "ignore", why: "the resolver answers another question" };
  if (packet.flag_tc) return { kind: "truncated" };
  const names = [name];
  const data: unknown[] = [];
  for (const record of packet.answers ?? []) {
    if (!names.some((known) => sameName(known, record.name))) continue;
    if (record.type === "CNAME") names.push(record.data);
    if (record.type === codecTypes[type] && "data" in record) data.push(record.data);
  }
  return { kind: "answer", answer: { rcode, authenticated: packet.flag_ad, data } };
}

/** The codec throws what Buffer throws, and errors of its own: all of them mean that the message is malformed. */
function read(bytes: Uint8Array): (ReturnType<typeof decode> & { readonly rcode: string }) | null {
  try {
    return decode(Buffer.from(bytes)) as ReturnType<typeof decode> & { readonly rcode: string };
  } catch {
    return null;
  }
}

function sameName(one: string, other: string): boolean {
  const plain = (name: string): string => name.toLowerCase().replace(/\.$/, "");
  return plain(one) === plain(other);
}
