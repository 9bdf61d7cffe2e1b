import {
  decodeNewSessionTicket12,
  decodeServerHello,
  DecodeError,
  handshakeTypes,
  hex,
  sameBytes,
} from "../../wire/index.ts";
import { messageSource } from "../client/answer.ts";
import { handshake12 } from "../client/client12.ts";
import { buildHello } from "../client/hello.ts";
import type { Look, Talked } from "../look.ts";
import { notApplicable, observed, unknownOf, untestable } from "../outcome.ts";
import type { FlawSeen, Outcome } from "../types.ts";
import { planFor, type Opportunity } from "./known.ts";

/** Half of the 32 bytes that a flawed server answers with. */
const idLength = 16;
const tries = 3;

/** What a server made of our session id. Of a longer one only the length and, as a digest of nothing else, its tail's text are kept. */
export interface Resumed {
  readonly kind: "same" | "longer" | "other";
  readonly length: number;
  readonly tail: string;
}

/**
 * Flaw `ticketbleed` (CVE-2016-9244). Resumes with a ticket and a session id of 16 bytes; a flawed server gives them back
 * with 16 bytes of its memory behind them. Connections: 2; up to 4 where the ticket is not taken up or the flaw shows.
 */
export async function probeTicketbleed(look: Look, found: Opportunity): Promise<Outcome<FlawSeen>> {
  const issued = await ticketOf(look, found);
  if (issued.kind !== "done") return unknownOf(issued);
  const { ticket, suite } = issued.value;
  if (ticket === null) return notApplicable("the server gives no ticket, though it promises one");
  const seen: Resumed[] = [];
  while (seen.length < tries) {
    const resumed = await resume(look, { ...found, suites: found.suites.filter(({ id }) => id === suite) }, ticket);
    if (resumed.kind !== "done") return unknownOf(resumed);
    seen.push(resumed.value);
    if (resumed.value.kind === "same") break;
  }
  return concludeTicketbleed(seen);
}

/** What resumptions show: one that gives the id back as it was is enough for a no. */
export function concludeTicketbleed(seen: readonly Resumed[]): Outcome<FlawSeen> {
  if (seen.some(({ kind }) => kind === "same"))
    return observed({ present: false, evidence: `a session id of ${idLength} bytes comes back as it was` });
  const longer = seen.filter(({ kind }) => kind === "longer");
  if (longer.length === seen.length && seen.length > 0) {
    const distinct = new Set(longer.map(({ tail }) => tail)).size;
    const evidence = `a session id of ${idLength} bytes comes back with ${longer[0]?.length ?? 0}, in ${seen.length} of ${seen.length} tries, ${distinct} different`;
    return observed({ present: true, evidence });
  }
  if (longer.length > 0) return untestable("a session id came back longer than it was sent, but not each time");
  return untestable(`the server issues tickets and took none of them up, in ${seen.length} tries`);
}

function ticketOf(look: Look, found: Opportunity): Promise<Talked<{ ticket: Uint8Array | null; suite: number }>> {
  return look.talk(async (channel) => {
    const hello = buildHello(planFor(found), { serverName: look.target.serverName, random: look.random });
    const { flight, beforeFinished } = await handshake12(channel, hello, look.random);
    const body = beforeFinished.find(({ type }) => type === handshakeTypes.newSessionTicket)?.body;
    const ticket = body === undefined ? new Uint8Array(0) : decodeNewSessionTicket12(body).ticket;
    return { ticket: ticket.length === 0 ? null : ticket, suite: flight.serverHello.cipherSuite };
  });
}

function resume(look: Look, found: Opportunity, ticket: Uint8Array): Promise<Talked<Resumed>> {
  return look.talk(async (channel) => {
    const sessionId = look.random(idLength);
    const plan = { ...planFor(found), sessionId, ticket };
    channel.send(buildHello(plan, { serverName: look.target.serverName, random: look.random }).bytes);
    const message = await messageSource(channel).next();
    if (message.type !== handshakeTypes.serverHello)
      throw new DecodeError(`handshake message ${message.type} in place of ServerHello`);
    const { sessionId: back } = decodeServerHello(message.body);
    const begins = back.length >= idLength && sameBytes(back.subarray(0, idLength), sessionId);
    return {
      kind: begins ? (back.length === idLength ? "same" : "longer") : "other",
      length: back.length,
      tail: begins ? hex(back.subarray(idLength)) : "",
    };
  });
}
