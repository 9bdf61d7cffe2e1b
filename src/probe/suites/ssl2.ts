import {
  createRecordParser,
  decodeSsl2ServerHello,
  encodeSsl2ClientHello,
  looksLikeSsl2,
  concat,
  contentTypes,
  DecodeError,
} from "../../wire/index.ts";
import { refuseAlert, RefusedError } from "../client/answer.ts";
import type { Channel } from "../client/channel.ts";
import type { Look } from "../look.ts";
import { observed, unknownOf } from "../outcome.ts";
import type { Outcome, ProtocolSupport } from "../types.ts";

/**
 * Probe `ssl2`. Needs: nothing. Gives: support of SSL 2.0, by a hello in its own format. Connections: 1.
 * A server that answers counts as offering it even with no cipher left: it can be talked into using it (CVE-2015-3197).
 */
export async function probeSsl2(look: Look): Promise<Outcome<ProtocolSupport>> {
  const result = await look.talk((channel) => readSsl2(channel, encodeSsl2ClientHello(look.random(16))));
  switch (result.kind) {
    case "done":
      return observed({ offered: true });
    case "alert":
      return observed({ offered: false, answer: "alert", alert: result.alert });
    case "closed":
    case "reset":
      return observed({ offered: false, answer: result.kind });
    default:
      return unknownOf(result);
  }
}

/** The server's hello. Throws RefusedError at a TLS alert, which is how newer servers answer, and when it closes. */
async function readSsl2(channel: Channel, hello: Uint8Array): Promise<object> {
  channel.send(hello);
  const alerts = createRecordParser();
  let bytes: Uint8Array = new Uint8Array(0);
  for (;;) {
    const more = await channel.receive();
    if (more === null) throw new RefusedError({ kind: "closed" });
    bytes = concat(bytes, more);
    if (looksLikeSsl2(bytes)) {
      const answer = decodeSsl2ServerHello(bytes);
      if (answer !== null) return answer;
      continue;
    }
    for (const record of alerts.push(more)) {
      if (record.type !== contentTypes.alert)
        throw new DecodeError(`a record of type ${record.type} in answer to an SSL 2.0 hello`);
      refuseAlert(record.fragment);
    }
  }
}
