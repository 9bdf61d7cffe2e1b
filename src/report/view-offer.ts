import type { Report } from "../grade/index.ts";
import { clean } from "./clean.ts";

type Seen = Report["observations"];
type Suites = Extract<NonNullable<Seen["cipherSuites"]["TLSv1.2"]>, { state: "observed" }>["value"];
type SuiteSeen = Suites["suites"][number];

export interface ProtocolView {
  readonly name: string;
  readonly state: "offered" | "refused" | "unknown";
  readonly detail: string;
}

export interface SuitesView {
  readonly protocol: string;
  /** Who chooses. */
  readonly order: string;
  readonly rows: readonly {
    readonly name: string;
    readonly bits: string;
    readonly exchange: string;
    readonly marks: readonly string[];
  }[];
  /** Why the suites are not known; null when they are. */
  readonly unknown: string | null;
}

export interface GroupsView {
  readonly order: string;
  readonly negotiated: string | null;
  readonly rows: readonly { readonly name: string; readonly postQuantum: boolean; readonly strength: string }[];
  readonly unknown: string | null;
}

/** Newest first. */
const newestFirst = ["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3", "SSLv2"] as const;

export function viewProtocols({ protocols }: Seen): readonly ProtocolView[] {
  return newestFirst.map((name) => {
    const outcome = protocols[name];
    if (outcome.state !== "observed") return { name, state: "unknown", detail: clean(outcome.why) };
    if (outcome.value.offered) return { name, state: "offered", detail: "" };
    const { value } = outcome;
    if (value.answer === "other-version") return { name, state: "refused", detail: `answered with ${value.version}` };
    if (value.answer !== "alert") return { name, state: "refused", detail: value.answer };
    return {
      name,
      state: "refused",
      detail: value.alert === 80 ? "alert 80, turned on but unusable" : `alert ${value.alert}`,
    };
  });
}

/** Of protocols that are offered, and of those whose suites were looked for in vain. */
export function viewSuites({ protocols, cipherSuites }: Seen): readonly SuitesView[] {
  return newestFirst.flatMap((protocol): readonly SuitesView[] => {
    if (protocol === "SSLv2") return [];
    const outcome = cipherSuites[protocol];
    const support = protocols[protocol];
    const offered = support.state === "observed" && support.value.offered;
    const empty = { protocol, order: "", rows: [] };
    if (outcome === undefined) return offered ? [{ ...empty, unknown: "not looked at" }] : [];
    if (outcome.state !== "observed")
      return offered || outcome.state === "failed" ? [{ ...empty, unknown: clean(outcome.why) }] : [];
    const { suites, preference, chachaException } = outcome.value;
    const exception = chachaException === true ? ", ChaCha20 first where the client puts it first" : "";
    const order = { server: "the server chooses", client: "the client chooses", single: "a single suite" }[preference];
    const rows = suites.map((suite) => ({
      name: clean(suite.name),
      // 3DES is scored by its 168 bits of key and is worth 112.
      bits: suite.name.includes("3DES") ? "112" : `${suite.bits}`,
      exchange: clean(exchangeOf(suite)),
      marks: [suite.forwardSecrecy ? "" : "no forward secrecy", suite.aead ? "" : "no AEAD"].filter(
        (mark) => mark !== "",
      ),
    }));
    return [{ protocol, order: `${order}${exception}`, rows, unknown: null }];
  });
}

/** What the key exchange was seen with; TLS 1.3 suites leave it open. */
function exchangeOf({ dhBits, group, keyExchange }: SuiteSeen): string {
  if (dhBits !== null) return `DH ${dhBits}`;
  return group ?? (keyExchange === "any" ? "" : keyExchange);
}

export function viewGroups({ groups }: Seen): GroupsView {
  if (groups.state !== "observed") return { order: "", negotiated: null, rows: [], unknown: clean(groups.why) };
  const { groups: list, order, negotiated } = groups.value;
  return {
    order: { server: "in the server's order", client: "the client chooses", unknown: "order not known" }[order],
    negotiated: negotiated === null ? null : clean(negotiated),
    rows: list.map(({ name, postQuantum, rsaBits, classicalRsaBits }) => ({
      name: clean(name),
      postQuantum,
      strength: rsaBits === null ? `classical part as RSA ${classicalRsaBits}` : `as RSA ${rsaBits}`,
    })),
    unknown: null,
  };
}
