/** A small DNS server for tests: answers over UDP and TCP on one port. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

import { AUTHENTIC_DATA, decode, encode, TRUNCATED_RESPONSE, type Answer, type RecordType } from "dns-packet";

/** A record's data by `TYPE name`; `ad`: the resolver says that it verified; a number is an rcode. */
export type Zone = Readonly<Record<string, readonly Omit<Extract<Answer, { data: unknown }>, "ttl">[] | number>>;

export interface DnsServer {
  readonly address: string;
  /** `TYPE name` of each query, with the way that it came. */
  readonly asked: string[];
}

type Reply = (query: Buffer, reply: Buffer, send: (bytes: Buffer) => void) => void;

export interface DnsServerOptions {
  readonly ad?: boolean;
  /** Over UDP all answers are cut off. */
  readonly truncated?: boolean;
  /** What is done with an answer over UDP in place of sending it. */
  readonly reply?: Reply | undefined;
  /** What is sent over TCP in place of an answer. */
  readonly overTcp?: (answer: Buffer) => Buffer;
}

/** Lets `use` talk to a server of these records; names without a record exist and have none. */
export async function withDns<T>(
  zone: Zone,
  use: (server: DnsServer) => Promise<T>,
  options: DnsServerOptions = {},
): Promise<T> {
  const asked: string[] = [];
  const answer = (query: Buffer, way: "UDP" | "TCP"): Buffer => {
    const { id = 0, questions = [] } = decode(query);
    const [question] = questions;
    const key = `${typeName(question?.type)} ${question?.name ?? ""}`;
    asked.push(`${way} ${key}`);
    const found = zone[key] ?? [];
    const cut = way === "UDP" && options.truncated === true;
    const flags = (options.ad === true ? AUTHENTIC_DATA : 0) | (cut ? TRUNCATED_RESPONSE : 0);
    return encode({
      type: "response",
      id,
      flags: flags | (typeof found === "number" ? found : 0),
      questions,
      answers: typeof found === "number" || cut ? [] : ([...found] as Answer[]),
    });
  };
  const tcp = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      const good = answer(bytes.subarray(2), "TCP");
      const reply = options.overTcp?.(good) ?? good;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length);
      // In two parts, as a network may.
      socket.write(Buffer.concat([length, reply.subarray(0, 5)]), () => socket.write(reply.subarray(5)));
    });
  }).listen(0, "127.0.0.1");
  await once(tcp, "listening");
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket("udp4");
  udp.on("message", (query, from) => {
    const send = (bytes: Buffer): void => udp.send(bytes, from.port, from.address);
    const reply = answer(query, "UDP");
    if (options.reply === undefined) send(reply);
    else options.reply(query, reply, send);
  });
  udp.bind(port, "127.0.0.1");
  await once(udp, "listening");
  try {
    return await use({ address: `127.0.0.1:${port}`, asked });
  } finally {
    udp.close();
    tcp.close();
  }
}

/** The codec knows HTTPS by number only. */
export const httpsType = "UNKNOWN_65" as RecordType as "NULL";

function typeName(type: string | undefined): string {
  return type === "UNKNOWN_65" ? "HTTPS" : (type ?? "");
}
