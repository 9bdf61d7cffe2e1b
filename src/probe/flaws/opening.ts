import {
  contentTypes,
  decodeClientHello,
  encodeClientHello,
  encodeHandshake,
  encodeRecords,
  handshakeTypes,
  versions,
  type ClientHello,
} from "../../wire/index.ts";
import type { Flight } from "../client/answer.ts";
import type { Channel } from "../client/channel.ts";
import { classicReader, readServerFlight } from "../client/client12.ts";
import type { Hello } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { watchOver, type Watch } from "./reaction.ts";

/** A handshake that waits for our half. */
export interface Opening {
  readonly flight: Flight;
  readonly asksForCertificate: boolean;
  readonly watch: Watch;
}

/** Sends a hello and reads to ServerHelloDone. Throws RefusedError, ChannelError, DecodeError. */
export async function openHandshake(look: Look, channel: Channel, hello: Hello): Promise<Opening> {
  channel.send(hello.bytes);
  const reader = classicReader(channel);
  const { flight, asksForCertificate } = await readServerFlight(reader, hello);
  return { flight, asksForCertificate, watch: watchOver(look, reader) };
}

/** The same hello with other contents; record and handshake headers follow. */
export function rewriteHello(hello: Hello, change: (contents: ClientHello) => ClientHello): Hello {
  const body = encodeClientHello(change(decodeClientHello(hello.message.subarray(4))));
  const message = encodeHandshake(handshakeTypes.clientHello, body);
  const version = hello.plan.protocol === "SSLv3" ? versions.SSLv3 : versions["TLSv1.0"];
  return { ...hello, message, bytes: encodeRecords(contentTypes.handshake, version, message) };
}
