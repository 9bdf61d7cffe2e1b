import { aeadOf } from "../../wire/index.ts";
import { choiceIn } from "./alpn.ts";
import { converseModern, type Exchanged, type ModernPlan } from "./exchange.ts";
import type { Look } from "../look.ts";
import { observed, unknownOf } from "../outcome.ts";
import type { Outcome, SuitesSeen } from "../types.ts";

/** A protocol that does not exist: a server that takes it takes anything. */
const madeUp = "x-tlsforge-none";

/** How to ask: a hello of TLS 1.2 costs less, as the answer stands in its unprotected part. */
export type AlpnWay =
  | { readonly kind: "classic"; readonly suites: SuitesSeen }
  | { readonly kind: "modern"; readonly plan: Pick<ModernPlan, "suites" | "group"> };

/**
 * Probe `protocols`. Needs: a way to ask, what earlier handshakes chose. Gives: the protocols of ALPN that the server takes when each is all that is
 * offered (RFC 7301). Connections: at most 2; none where the server ignored ALPN before.
 */
export async function probeProtocols(
  look: Look,
  of: { way: AlpnWay; exchange: Pick<Exchanged, "alpn" | "alpnAlone"> },
): Promise<Outcome<readonly string[]>> {
  const { alpn, alpnAlone } = of.exchange;
  if (alpnAlone.state !== "observed") return alpnAlone;
  const both = alpn.state === "observed" ? alpn.value : undefined;
  const takesHttp1 = alpnAlone.value === "http/1.1";
  // Both were offered and neither was taken: nothing is to be gained by offering one of them again.
  const ignores = of.way.kind === "modern" && alpnAlone.value === null && both === null;
  const [http2, other] = await Promise.all([
    both === "h2" ? observed("h2") : ignores ? observed(null) : askAlone(look, of.way, "h2"),
    ignores ? observed(null) : askAlone(look, of.way, madeUp),
  ]);
  if (http2.state !== "observed") return http2;
  if (other.state !== "observed") return other;
  return observed([
    ...(http2.value === "h2" ? ["h2"] : []),
    ...(takesHttp1 ? ["http/1.1"] : []),
    ...(other.value === madeUp ? [madeUp] : []),
  ]);
}

/** What the server picks where one name is offered; no_application_protocol (120) picks none. */
async function askAlone(look: Look, way: AlpnWay, name: string): Promise<Outcome<string | null>> {
  if (way.kind === "classic") {
    const answer = await look.ask({
      protocol: "TLSv1.2",
      suites: way.suites.suites.map(({ id }) => id),
      alpn: [name],
    });
    if (answer.kind === "hello") return choiceIn(answer.flight.serverHello.extensions ?? []);
    return answer.kind === "alert" && answer.alert === 120 ? observed(null) : unknownOf(answer);
  }
  const talked = await converseModern(
    look,
    { ...way.plan, suites: way.plan.suites.filter((id) => aeadOf(id) !== undefined), alpn: [name] },
    async ({ extensions }) => ({ extensions }),
  );
  if (talked.kind === "done") return choiceIn(talked.value.extensions);
  return talked.kind === "alert" && talked.alert === 120 ? observed(null) : unknownOf(talked);
}
