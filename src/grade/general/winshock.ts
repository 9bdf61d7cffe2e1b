/** Flaws of Windows that follow from what is offered and from what the server calls itself. */
import type { Observations, SuiteSeen } from "../../probe/index.ts";
import { offers, someSuite } from "../facts.ts";
import type { Finding } from "../types.ts";
import { information, open } from "./remark.ts";
import type { Topic } from "./remark.ts";

const topic: Topic = { id: "winshock", title: "Winshock", reference: "CVE-2014-6321, MS14-066" };

/** Windows before 10 and Server 2016, as IIS and HTTP.SYS name themselves. */
const affected = /\bMicrosoft-(?:IIS\/[78]\.|HTTPAPI\/)/i;

/** What no Windows before 10 offers. */
const isNewer = ({ name }: SuiteSeen): boolean => /CHACHA20|CAMELLIA|ARIA|_CCM|ECDHE_RSA_WITH_AES_\d+_GCM/.test(name);
/** What came with the update. */
const isOfUpdate = ({ name }: SuiteSeen): boolean => /^TLS_(DHE_)?RSA_WITH_AES_\d+_GCM/.test(name);

/** Never a fail: that a server lacks the suites of the update does not show that it lacks the update. */
export function winshock(observations: Observations): Finding {
  const fine = (why: string, evidence: string): Finding =>
    information(topic, { message: `Winshock: ${why}`, evidence, fine: true });
  const newest = offers(observations, "TLSv1.3");
  if (newest.truth === true) return fine("the Windows that have it do not speak TLS 1.3", newest.because);
  const newer = someSuite(observations, isNewer);
  if (newer.truth === true) return fine("the Windows that have it do not have these suites", newer.because);
  const updated = someSuite(observations, isOfUpdate);
  if (updated.truth === true) return fine("the suites that the update brought are offered", updated.because);
  const { http } = observations;
  if (http.state !== "observed") return open(topic, `what the server calls itself: ${http.why}`);
  const name = Object.entries(http.value.headers).find(([key]) => key.toLowerCase() === "server")?.[1];
  if (name === undefined) return open(topic, "the server does not say what it is");
  if (!affected.test(name)) return fine("the server is not one that has it", `Server: ${name}`);
  return open(
    topic,
    `Server: ${name}; the suites that the update brought were not seen, which does not show that it is missing`,
  );
}
