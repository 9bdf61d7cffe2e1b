import { concat, contentTypes, DecodeError, encodeHandshake, encodeRecords, handshakeTypes } from "../../wire/index.ts";
import type { Flight } from "../client/answer.ts";
import { canComplete, exchangeKeys } from "../client/client12-keys.ts";
import { buildHello } from "../client/hello.ts";
import type { Look, Talked } from "../look.ts";
import { failed, observed, unknownOf } from "../outcome.ts";
import type { FlawSeen, Outcome } from "../types.ts";
import { confirmSilence } from "./confirm.ts";
import { findSuites, planFor, type Known, type Opportunity } from "./known.ts";
import { openHandshake } from "./opening.ts";
import { classOf, nextTelling, type Reaction } from "./reaction.ts";

/** What came of one attempt: the reaction to the early ChangeCipherSpec and, after silence, to the record behind it. */
export interface EarlyCcs {
  readonly early: Reaction;
  readonly late: Reaction | null;
}

/**
 * Flaw `ccs-injection` (CVE-2014-0224). Needs: suites of any version before TLS 1.3. A ChangeCipherSpec is sent before the key exchange. A sound server ends the
 * connection; a flawed one says nothing and switches to keys from an empty secret, so that it cannot read the plain key exchange that follows.
 * Connections: 1; 2 where the connection is closed without an alert or the server is silent, 4 where it is flawed.
 */
export async function probeCcsInjection(look: Look, known: Known): Promise<Outcome<FlawSeen>> {
  const found = findSuites(known, { accept: () => true, without: "no suite is offered", withSsl3: true });
  if ("state" in found) return found;
  const first = await attempt(look, found);
  if (first.kind !== "done") return unknownOf(first);
  const isClosed = [first.value.early, first.value.late].some((seen) => seen !== null && classOf(seen) === "closed");
  const once = concludeCcs([first.value]);
  const isPresent = once.state === "observed" && once.value.present;
  if (!isClosed && !isPresent) return once;
  const second = await attempt(look, found);
  return second.kind === "done" ? concludeCcs([first.value, second.value]) : unknownOf(second);
}

/** What attempts that agree show. */
export function concludeCcs(attempts: readonly EarlyCcs[]): Outcome<FlawSeen> {
  const early = attempts.map((seen) => classOf(seen.early));
  const late = attempts.map((seen) => (seen.late === null ? "nothing" : classOf(seen.late)));
  const [firstEarly = "", firstLate = ""] = [early[0], late[0]];
  if (early.some((kind) => kind !== firstEarly) || late.some((kind) => kind !== firstLate))
    return failed(`the answers to an early ChangeCipherSpec vary: ${[...early, ...late].join(", ")}`);
  if (firstEarly === "closed" || firstEarly.startsWith("alert"))
    return observed({ present: false, evidence: `an early ChangeCipherSpec is answered at once: ${firstEarly}` });
  if (firstEarly !== "silence") return failed(`an early ChangeCipherSpec is answered by ${firstEarly}`);
  // Late, but about the ChangeCipherSpec: what came after it is in order.
  if (firstLate.startsWith("alert 10 "))
    return observed({ present: false, evidence: `an early ChangeCipherSpec is answered, late: ${firstLate}` });
  if (firstLate === "closed" || /^alert (20|21) /.test(firstLate)) {
    const evidence = `an early ChangeCipherSpec is taken without a word, and a plain record after it can no longer be read: ${firstLate}`;
    return observed({ present: true, evidence });
  }
  return failed(`silence after an early ChangeCipherSpec, then ${firstLate} after a plain record`);
}

function attempt(look: Look, found: Opportunity): Promise<Talked<EarlyCcs>> {
  const computable = found.suites.filter(({ id }) => canComplete(id));
  const plan = planFor(computable.length > 0 ? { ...found, suites: computable } : found);
  const isSilent = ({ early, late }: EarlyCcs): boolean => early.kind === "silence" && late?.kind !== "alert";
  return confirmSilence(look, isSilent, async (channel) => {
    const { flight, watch } = await openHandshake(
      look,
      channel,
      buildHello(plan, { serverName: look.target.serverName, random: look.random }),
    );
    const { version } = flight.serverHello;
    channel.send(encodeRecords(contentTypes.changeCipherSpec, version, Uint8Array.of(1)));
    const early = await nextTelling(watch);
    if (early.kind !== "silence") return { early, late: null };
    channel.send(encodeRecords(contentTypes.handshake, version, plainKeyExchange(flight, look)));
    return { early, late: await nextTelling(watch) };
  });
}

/** A key exchange that a server which has not switched its keys would take; junk of that shape where none can be computed. */
function plainKeyExchange(flight: Flight, look: Look): Uint8Array {
  try {
    return encodeHandshake(handshakeTypes.clientKeyExchange, exchangeKeys(flight, look.random).message);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return encodeHandshake(handshakeTypes.clientKeyExchange, concat(Uint8Array.of(0, 128), look.random(128)));
  }
}
