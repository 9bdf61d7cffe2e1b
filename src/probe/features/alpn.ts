import { decodeAlpnChoice, DecodeError, extensionTypes, findExtension, type Extension } from "../../wire/index.ts";
import { printable } from "../http/http.ts";
import { failed, observed } from "../outcome.ts";
import type { Outcome } from "../types.ts";

/** The protocol that a ServerHello or EncryptedExtensions names (RFC 7301, 3.1), null where it names none. */
export function choiceIn(extensions: readonly Extension[]): Outcome<string | null> {
  const data = findExtension(extensions, extensionTypes.alpn);
  if (data === undefined) return observed(null);
  try {
    return observed(printable(decodeAlpnChoice(data)));
  } catch (error) {
    if (error instanceof DecodeError) return failed(`ALPN: ${error.message}`);
    throw error;
  }
}
