import { ascii } from "../../wire/index.ts";
import { answerOf } from "../client/answer.ts";
import { notApplicable, type Unknown } from "../outcome.ts";
import type { SecureSession } from "../client/session.ts";
import type { StartTls } from "../types.ts";

const words: Readonly<Record<StartTls, Uint8Array>> = {
  smtp: ascii("QUIT\r\n"),
  imap: ascii("a3 LOGOUT\r\n"),
  pop3: ascii("QUIT\r\n"),
  ftp: ascii("QUIT\r\n"),
  xmpp: ascii("</stream:stream>"),
  "xmpp-server": ascii("</stream:stream>"),
  // An unbind request (RFC 4511, 4.3).
  ldap: Uint8Array.of(0x30, 5, 2, 1, 1, 0x42, 0),
  // Terminate.
  postgres: Uint8Array.of(0x58, 0, 0, 0, 4),
  // COM_QUIT.
  mysql: Uint8Array.of(1, 0, 0, 2, 1),
};

/** What a client of this protocol says when it leaves. */
export function farewellOf(protocol: StartTls): Uint8Array {
  return words[protocol];
}

/** Leaves a service that is no web server, and waits for what it says to that: tickets come before it. Why HTTP was not asked for. */
export async function sayFarewell(session: SecureSession, protocol: StartTls): Promise<Unknown> {
  session.send(farewellOf(protocol));
  try {
    await session.receive();
  } catch (error) {
    // However it ends, nothing more was wanted.
    answerOf(error);
  }
  return notApplicable(`what begins TLS by STARTTLS for ${protocol} is no web server`);
}
