/**
 * Rules of the guide that observations cannot decide: of three it would take lists or other hosts; of others nobody looked, or nothing could be
 * seen. They never decide the grade, and `ssllabs.not-examined` names those that are open on every report.
 */
import type { Observations } from "../../probe/index.ts";
import { someCertificate } from "../facts.ts";
import type { Finding } from "../types.ts";
import { no, yes } from "../verdict.ts";
import type { Statement, Verdict } from "../verdict.ts";

interface Unexamined {
  readonly id: string;
  readonly title: string;
  readonly reference: string;
  /** What the flaw cannot do without; absent (false) means harmless. */
  readonly precondition: (observations: Observations) => Statement;
  /** What would have to be looked at. */
  readonly missing: string;
}

const unexamined: readonly Unexamined[] = [
  {
    id: "drown",
    title: "DROWN",
    reference: "SSL Server Rating Guide 2009l; CVE-2016-0800",
    precondition: (observations) =>
      someCertificate(observations, ({ key }, leaf) =>
        leaf && (key.type === "RSA" || key.type === "other") ? yes("RSA certificate") : no("no RSA certificate"),
      ),
    missing: "other servers with the same RSA key that offer SSL 2.0",
  },
  {
    id: "debian-weak-key",
    title: "Debian weak key",
    reference: "CVE-2008-0166",
    precondition: (observations) =>
      someCertificate(observations, ({ key }, leaf) =>
        leaf && ["RSA", "DSA", "other"].includes(key.type) ? yes(`${key.type} key`) : no("no RSA or DSA key"),
      ),
    missing: "the list of weak keys",
  },
  {
    id: "distrusted-authority",
    title: "Distrusted authority (WoSign, StartCom, Symantec)",
    reference: "SSL Labs, 2017 to 2019",
    precondition: (observations) =>
      someCertificate(observations, ({ issuer }) =>
        /WoSign|StartCom|Symantec|GeoTrust|thawte|VeriSign|RapidSSL/i.test(issuer)
          ? yes(`issued by ${issuer}`)
          : no("no authority with a distrusted name"),
      ),
    missing: "the identity of the authority's key",
  },
];

/** One finding per rule: pass (harmless, why) or unknown (why), and one that names all that are open, `others` among them. */
export function unexaminedFindings(observations: Observations, others: readonly Verdict[]): readonly Finding[] {
  const each = unexamined.map((rule) => ({ rule, found: finding(rule, rule.precondition(observations)) }));
  const open = [
    ...each
      .filter(({ found }) => found.outcome === "unknown")
      .map(({ rule: { title, missing } }) => `${title} (needs ${missing})`),
    ...others.map(({ message, evidence }) => `${message.replace(/: not examined.*$/, "")} (${evidence})`),
  ];
  return [
    ...each.map(({ found }) => found),
    {
      id: "ssllabs.not-examined",
      outcome: "info",
      severity: "info",
      message:
        open.length === 0
          ? "No rule of the guide is left open"
          : `The grade leaves out ${open.length} rules of the guide that this version cannot examine here`,
      evidence: open.join("; "),
      reference: "SSL Server Rating Guide 2009r",
      fix: null,
    },
  ];
}

function finding({ id, title, reference, missing }: Unexamined, needed: Statement): Finding {
  const common = { id: `ssllabs.${id}`, severity: "info", reference, fix: null } as const;
  if (needed.truth === false)
    return { ...common, outcome: "pass", message: `${title}: not possible here`, evidence: needed.because };
  return {
    ...common,
    outcome: "unknown",
    message: `${title}: not examined in this version`,
    evidence: `${needed.because}; would need ${missing}`,
  };
}
