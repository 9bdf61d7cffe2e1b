import {
  concat,
  contentTypes,
  decodeNewSessionTicket12,
  encodeRecords,
  handshakeTypes,
  findExtension,
  extensionTypes,
  hashLength,
  preSharedKeyExtension,
  pskBinder,
  sameBytes,
  versions,
  type Extension,
} from "../../wire/index.ts";
import { readFlight, type Flight } from "../client/answer.ts";
import { handshake12 } from "../client/client12.ts";
import { canComplete } from "../client/client12-keys.ts";
import type { Exchanged, TicketSeen } from "./exchange.ts";
import { ticket12In } from "./features.ts";
import { buildHello, type Hello, type HelloPlan } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { observed, unknownOf, untestable, valueOf } from "../outcome.ts";
import { olderTls, withoutVersions, type VersionsSeen } from "../suites/versions.ts";
import type { Observations, Outcome, ResumptionSeen } from "../types.ts";

type Resumption = Observations["resumption"];
type Resumed = Outcome<ResumptionSeen>;

const never: Resumed = observed({ resumes: false, lifetimeSeconds: null });

/**
 * Probe `classic-resumption`. Needs: suites. Gives: whether the server takes up a session by its id (RFC 5246, 7.4.1.2) and by a ticket (RFC 5077), with the
 * lifetime that it names. Connections: 1 by id and 1 more where an id is given, 2 by ticket where tickets are given.
 */
export async function probeClassicResumption(look: Look, versions: VersionsSeen): Promise<Omit<Resumption, "psk">> {
  const [sessionId, ticket] = await Promise.all([
    resumeClassic(look, versions, bySessionId),
    resumeClassic(look, versions, byTicket),
  ]);
  return { sessionId, ticket };
}

/**
 * Probe `resumption`. Needs: suites, whole handshakes, resumption of older versions. Gives: that, and whether the server takes up a session by a PSK (RFC 8446,
 * 2.2). Connections: 1 where tickets are given.
 */
export async function probeResumption(
  look: Look,
  known: {
    versions: VersionsSeen;
    exchange: Exchanged;
    classic: Omit<Resumption, "psk">;
  },
): Promise<Resumption> {
  const psk =
    known.versions["TLSv1.3"].suites?.state !== "observed"
      ? withoutVersions(known.versions, {
          names: ["TLSv1.3"],
          without: "TLS 1.3 is not offered",
          otherwise: "the suites of TLS 1.3 are not known",
        })
      : await resumeModern(look, known.exchange);
  return { ...known.classic, psk };
}

/** Newest of the older versions, with the suites that a handshake can be completed with here. */
async function resumeClassic(
  look: Look,
  versions: VersionsSeen,
  by: (look: Look, plan: HelloPlan) => Promise<Resumed>,
): Promise<Resumed> {
  const protocol = olderTls.find((name) => versions[name].suites?.state === "observed");
  const list = protocol === undefined ? undefined : valueOf(versions[protocol].suites);
  if (protocol === undefined || list === undefined)
    return withoutVersions(versions, {
      names: olderTls,
      without: "TLS 1.3 resumes by PSK alone, and nothing older is offered",
      otherwise: "no older version with a list of suites that is known",
    });
  const all = list.suites.filter(({ id }) => canComplete(id));
  // Finite-field Diffie-Hellman takes far longer to compute.
  const quick = all.filter(({ keyExchange }) => keyExchange !== "DHE");
  const ids = (quick.length > 0 ? quick : all).map(({ id }) => id);
  if (ids.length === 0) return untestable(`no suite of ${protocol} that a handshake can be completed with here`);
  return by(look, { protocol, suites: ids, groups: [29, 23, 24, 25, 30] });
}

async function bySessionId(look: Look, plan: HelloPlan): Promise<Resumed> {
  const withoutTicket: HelloPlan = { ...plan, ticket: null };
  const first = await complete(look, withoutTicket);
  if (first.kind !== "done") return unknownOf(first);
  const { sessionId, cipherSuite } = first.value.flight.serverHello;
  if (sessionId.length === 0) return never;
  return resumedBy(look, { ...withoutTicket, suites: [cipherSuite], sessionId }, null);
}

async function byTicket(look: Look, plan: HelloPlan): Promise<Resumed> {
  // Promised in no ServerHello of any flight: a handshake would bring none.
  if (ticket12In(look.flights) === false) return never;
  const first = await complete(look, plan);
  if (first.kind !== "done") return unknownOf(first);
  const message = first.value.ticket;
  if (message === undefined) return never;
  const { lifetime, ticket } = decodeNewSessionTicket12(message);
  if (ticket.length === 0) return never;
  // An id of our own, which a server that resumes repeats (RFC 5077, 3.4).
  const sessionId = look.random(32);
  const { cipherSuite } = first.value.flight.serverHello;
  return resumedBy(look, { ...plan, suites: [cipherSuite], sessionId, ticket }, lifetime === 0 ? null : lifetime);
}

/** A whole handshake, ended properly: some servers forget a session whose connection just breaks off. */
async function complete(look: Look, plan: HelloPlan) {
  return look.talk(async (channel) => {
    const hello = buildHello(plan, { serverName: look.target.serverName, random: look.random });
    const { flight, sealing, beforeFinished } = await handshake12(channel, hello, look.random);
    const kept = look.keep(flight);
    channel.send(sealing.seal(contentTypes.alert, Uint8Array.of(1, 0)));
    const ticket = beforeFinished.find(({ type }) => type === handshakeTypes.newSessionTicket)?.body;
    return { flight: kept, ticket };
  });
}

/** True where the ServerHello repeats the session's id. */
async function resumedBy(look: Look, plan: HelloPlan, lifetimeSeconds: number | null): Promise<Resumed> {
  const flight = await talkFlight(look, buildHello(plan, { serverName: look.target.serverName, random: look.random }));
  if (flight.kind !== "done") return unknownOf(flight);
  const { sessionId } = flight.value.serverHello;
  return observed({ resumes: sameBytes(sessionId, plan.sessionId ?? new Uint8Array(0)), lifetimeSeconds });
}

async function resumeModern(look: Look, { tickets, ticket }: Exchanged): Promise<Resumed> {
  if (tickets !== null && tickets.state !== "observed") return tickets;
  if (ticket === null) return never;
  const flight = await talkFlight(look, pskHello(look, ticket));
  if (flight.kind !== "done") return unknownOf(flight);
  const taken = findExtension(flight.value.serverHello.extensions ?? [], extensionTypes.preSharedKey) !== undefined;
  return observed({ resumes: taken, lifetimeSeconds: ticket.ticket.lifetime });
}

/** A hello that offers the ticket, with the binder that proves its key. */
function pskHello(look: Look, seen: TicketSeen): Hello {
  const { ticket, hash, key } = seen;
  const withBinder = (binder: Uint8Array): readonly Extension[] => [
    preSharedKeyExtension({ ticket: ticket.ticket, age: ticket.ageAdd, binder }),
  ];
  const plan: HelloPlan = {
    protocol: "TLSv1.3",
    suites: [seen.suite],
    groups: [seen.group],
    shares: [seen.group],
    alpn: ["http/1.1"],
    extra: withBinder(new Uint8Array(hashLength(hash))),
  };
  const hello = buildHello(plan, { serverName: look.target.serverName, random: look.random });
  const binder = pskBinder(hash, key, hello.message);
  const message = concat(hello.message.subarray(0, hello.message.length - binder.length), binder);
  return { ...hello, message, bytes: encodeRecords(contentTypes.handshake, versions["TLSv1.0"], message) };
}

/** The flight of a resumed session tells nothing that other probes may harvest. */
async function talkFlight(look: Look, hello: Hello) {
  return look.talk<Flight>((channel) => readFlight(channel, hello));
}
