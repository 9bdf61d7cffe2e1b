import type { HandshakeMessage } from "../../wire/index.ts";

/** A connection on which the handshake is done, of either version. */
export interface SecureSession {
  /** Handshake messages that came after the handshake, as they are read along with data. */
  readonly messages: readonly HandshakeMessage[];
  /** Sends at most 2^14 bytes. */
  send(data: Uint8Array): void;
  /** The next data. Throws RefusedError when the server ends the connection, ChannelError otherwise. */
  receive(): Promise<Uint8Array>;
}
