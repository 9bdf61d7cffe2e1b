/** Flaws of Windows that follow from what is offered and from what the server calls itself. */
import type { Observations, SuiteSeen } from "../../probe/index.ts";
import { offers, someSuite } from "../facts.ts";
import type { Finding } from "../types.ts";
import { information, open } from "./remark.ts";
import type { Topic } from "./remark.ts";

const topic: Topic = { id: "winshock", title: "Winshock", reference: "CVE-2014-6321, MS14-066" };

/**
 * IIS of Windows Server 2003 to 2012 R2, all of which have the flaw, and HTTP.SYS, which calls itself the same from Server 2003 to the newest Windows.
 */
const maybeAffected = /\bMicrosoft-(?:IIS\/[678]\.|HTTPAPI\/)/i;
/** IIS of the Windows that had no AES-GCM with RSA before the update: 2012 R2 (IIS 8.5) has it from update 2919355 on, Server 2003 never had it. */
const hadNoGcm = /\bMicrosoft-IIS\/(?:7\.\d|8\.0)(?!\d)/i;

/** What no Windows before 10 offers. */
const isNewer = ({ name }: SuiteSeen): boolean => /CHACHA20|CAMELLIA|ARIA|_CCM|ECDHE_RSA_WITH_AES_\d+_GCM/.test(name);
/** What came with the update. */
const isOfUpdate = ({ name }: SuiteSeen): boolean => /^TLS_(DHE_)?RSA_WITH_AES_\d+_GCM/.test(name);

/**
 * Never a fail: that a server lacks the suites of the update does not show that it lacks the update. A name alone never passes: it may be of a server
 * behind the one that speaks TLS.
 */
export function winshock(observations: Observations): Finding {
  const fine = (why: string, evidence: string): Finding =>
    information(topic, { message: `Winshock: ${why}`, evidence, fine: true });
  const newest = offers(observations, "TLSv1.3");
  if (newest.truth === true) return fine("the Windows that have it do not speak TLS 1.3", newest.because);
  const newer = someSuite(observations, isNewer);
  if (newer.truth === true) return fine("the Windows that have it do not have these suites", newer.because);
  const { http } = observations;
  if (http.state !== "observed") return open(topic, `what the server calls itself: ${http.why}`);
  const name = Object.entries(http.value.headers).find(([key]) => key.toLowerCase() === "server")?.[1];
  if (name === undefined) return open(topic, "the server does not say what it is");
  const evidence = `Server: ${name}`;
  if (!maybeAffected.test(name))
    return open(topic, `${evidence}, which may be of another server behind the one that speaks TLS`);
  if (!hadNoGcm.test(name)) return open(topic, `${evidence}; no suite shows whether the update is there`);
  const updated = someSuite(observations, isOfUpdate);
  if (updated.truth === true)
    return fine("the suites that the update brought are offered", `${evidence}; ${updated.because}`);
  return open(
    topic,
    `${evidence}; the suites that the update brought were not seen, which does not show that it is missing`,
  );
}
