import {
  ascii,
  contentTypes,
  extensionTypes,
  findExtension,
  handshakeTypes,
  vector,
  type ClientHello,
} from "../../wire/index.ts";
import { describeAnswer, type Flight } from "../client/answer.ts";
import type { Channel } from "../client/channel.ts";
import { handshake12 } from "../client/client12.ts";
import { buildHello, type Hello } from "../client/hello.ts";
import type { Look, Talked } from "../look.ts";
import { failed, observed, unknownOf, type Unknown } from "../outcome.ts";
import type { FlawSeen, Outcome } from "../types.ts";
import { findComputable, planFor, type Known, type Opportunity } from "./known.ts";
import { rewriteHello } from "./opening.ts";
import { classOf, nextTelling, watchOver, type Reaction } from "./reaction.ts";

/** What a second ClientHello under the keys led to. */
interface Renegotiated {
  /** The server named renegotiation_info in the first handshake. */
  readonly secure: boolean;
  readonly reaction: Reaction;
}

export interface RenegotiationSeen {
  /** The server goes along with a client that renegotiates. */
  readonly clientRenegotiation: Outcome<boolean>;
  /** It does so with one that knows nothing of RFC 5746. */
  readonly insecure: Outcome<FlawSeen>;
}

/**
 * Client-initiated renegotiation, and flaw `insecure-renegotiation` (CVE-2009-3555). Needs: suites of TLS 1.0 to 1.2. After a handshake a second ClientHello is
 * sent under its keys, with renegotiation_info in one connection, without it in another. After silence a request is sent: a server that passes over the hello
 * answers that. Connections: 2; 1 where the server does not know the extension; one more where it closes instead of answering.
 */
export async function probeRenegotiation(look: Look, known: Known): Promise<RenegotiationSeen> {
  const found = findComputable(known, { accept: () => true, without: "no suite is offered" });
  if ("state" in found) return both(found);
  const askUnaware = (): Promise<Talked<Renegotiated>> => repeatedly(() => renegotiate(look, found, false));
  // Needed where the server knows the extension; far away it is not waited for to be needed.
  const [early, aware] = await Promise.all([
    look.isFar() || look.flights.some(knowsInfo) ? askUnaware() : undefined,
    repeatedly(() => renegotiate(look, found, true)),
  ]);
  if (aware.kind !== "done") return both(unknownOf(aware));
  if (!aware.value.secure)
    return { clientRenegotiation: isTaken(aware.value.reaction), insecure: concludeInsecure(aware.value.reaction) };
  const unaware = early ?? (await askUnaware());
  return {
    clientRenegotiation: isTaken(aware.value.reaction),
    insecure:
      unaware.kind === "done"
        ? concludeInsecure(unaware.value.reaction)
        : unaware.kind === "alert" || unaware.kind === "closed"
          ? observed({
              present: false,
              evidence: `a client without renegotiation_info is refused from the start: ${describeAnswer(unaware)}`,
            })
          : unknownOf(unaware),
  };
}

/** Alerts that say that our record could not be read, not that its hello is refused. */
const unreadable: readonly number[] = [20, 21, 50, 51];

/** Whether the second hello was taken. Silence and garbage stay unknown. */
export function isTaken(reaction: Reaction): Outcome<boolean> {
  if (isServerHello(reaction)) return observed(true);
  const isRefusal = reaction.kind === "alert" && !unreadable.includes(reaction.alert);
  if (isRefusal || classOf(reaction) === "closed" || classOf(reaction) === "data") return observed(false);
  return failed(`a second ClientHello under the keys is answered by ${classOf(reaction)}`);
}

function concludeInsecure(reaction: Reaction): Outcome<FlawSeen> {
  const taken = isTaken(reaction);
  if (taken.state !== "observed") return taken;
  const evidence = taken.value
    ? "a client without renegotiation_info may renegotiate"
    : `a second ClientHello without renegotiation_info is not taken: ${classOf(reaction)}`;
  return observed({ present: taken.value, evidence });
}

/** Asks once more, alone, where the answer was no answer. */
async function repeatedly(ask: () => Promise<Talked<Renegotiated>>): Promise<Talked<Renegotiated>> {
  const first = await ask();
  return first.kind === "done" && ["closed", "reset", "silence"].includes(first.value.reaction.kind) ? ask() : first;
}

/** A connection that ends in the middle of its first handshake is garbage: `closed` is one that ends before the server has said anything. */
async function renegotiate(look: Look, found: Opportunity, aware: boolean): Promise<Talked<Renegotiated>> {
  let hasHeard = false;
  const build = (): Hello => buildHello(planFor(found), { serverName: look.target.serverName, random: look.random });
  const talked = await look.talk(async (inner) => {
    hasHeard = false;
    const channel = listening(inner, () => {
      hasHeard = true;
    });
    const hello = aware ? build() : rewriteHello(build(), withoutInfo);
    const { flight, reader, sealing, session, verifyData } = await handshake12(channel, hello, look.random);
    const secure = knowsInfo(flight);
    const second = rewriteHello(build(), aware && secure ? withInfo(verifyData) : withoutInfo);
    channel.send(sealing.seal(contentTypes.handshake, second.message));
    const watch = watchOver(look, reader);
    const reaction = await nextTelling(watch, isOtherMessage);
    if (reaction.kind !== "silence") return { secure, reaction };
    session.send(
      ascii(`GET / HTTP/1.1\r\nHost: ${look.target.serverName || "localhost"}\r\nConnection: close\r\n\r\n`),
    );
    return { secure, reaction: await nextTelling(watch, isOtherMessage) };
  });
  return talked.kind === "closed" && hasHeard
    ? { kind: "garbage", why: "the server closed the connection in the middle of the handshake" }
    : talked;
}

/** The channel; `onBytes` is called when bytes come. */
function listening(channel: Channel, onBytes: () => void): Channel {
  return {
    send: (bytes) => channel.send(bytes),
    async receive() {
      const bytes = await channel.receive();
      if (bytes !== null) onBytes();
      return bytes;
    },
  };
}

/** The server answered renegotiation_info. */
function knowsInfo({ serverHello }: Flight): boolean {
  return findExtension(serverHello.extensions ?? [], extensionTypes.renegotiationInfo) !== undefined;
}

function withoutInfo(contents: ClientHello): ClientHello {
  const extensions = (contents.extensions ?? []).filter(({ type }) => type !== extensionTypes.renegotiationInfo);
  return { ...contents, extensions };
}

function withInfo(verifyData: Uint8Array): (contents: ClientHello) => ClientHello {
  return (contents) => {
    const { extensions } = withoutInfo(contents);
    const info = { type: extensionTypes.renegotiationInfo, data: vector(1, verifyData) };
    return { ...contents, extensions: [...(extensions ?? []), info] };
  };
}

function isServerHello(reaction: Reaction): boolean {
  return (
    reaction.kind === "record" &&
    reaction.type === contentTypes.handshake &&
    reaction.content[0] === handshakeTypes.serverHello
  );
}

/** Handshake messages that say nothing of the second hello: HelloRequest. */
function isOtherMessage(reaction: Reaction): boolean {
  return (
    reaction.kind === "record" &&
    reaction.type === contentTypes.handshake &&
    reaction.content[0] === handshakeTypes.helloRequest
  );
}

function both(unknown: Unknown): RenegotiationSeen {
  return { clientRenegotiation: unknown, insecure: unknown };
}
