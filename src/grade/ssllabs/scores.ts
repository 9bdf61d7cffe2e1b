/** The three category scores and the total. Each category says what it rests on; one that cannot be known is null, and so is the total. */
import type { Observations, SuiteSeen } from "../../probe/index.ts";
import { listed, offers, protocolNames, suitesOf } from "../facts.ts";
import {
  anonymousScore,
  cipherScores,
  exportBits,
  keyExchangeScores,
  protocolScores,
  tripleDesBits,
  weights,
} from "../rulebooks/ssllabs-2009r.ts";
import { isAnonymous, isExport, isFiniteFieldEphemeral, scoredBits, usesGroups } from "../suites.ts";
import type { GradeResult } from "../types.ts";
import { describeKey, rsaEquivalent } from "./strength.ts";

/** One category: 0 to 100 and how it came about, or null and why. */
export interface Score {
  readonly score: number | null;
  readonly because: string;
}

export interface Scores {
  readonly protocol: Score;
  readonly keyExchange: Score;
  readonly cipher: Score;
}

export function scoresOf(observations: Observations): Scores {
  return {
    protocol: protocolScore(observations),
    keyExchange: keyExchangeScore(observations),
    cipher: cipherScore(observations),
  };
}

/** The weighted total, not rounded: letters are decided on the exact value. Null when a category is. */
export function totalOf(scores: Scores): GradeResult["scores"] {
  const { protocol, keyExchange, cipher } = {
    protocol: scores.protocol.score,
    keyExchange: scores.keyExchange.score,
    cipher: scores.cipher.score,
  };
  if (protocol === null || keyExchange === null || cipher === null) return null;
  const none = protocol === 0 || keyExchange === 0 || cipher === 0;
  const weighted = (weights.protocol * protocol + weights.keyExchange * keyExchange + weights.cipher * cipher) / 100;
  return { protocol, keyExchange, cipher, total: none ? 0 : weighted };
}

function protocolScore(observations: Observations): Score {
  const each = protocolNames.map((protocol) => ({ protocol, offered: offers(observations, protocol) }));
  const open = each.filter(({ offered }) => offered.truth === "unknown");
  if (open.length > 0) return { score: null, because: open.map(({ offered }) => offered.because).join("; ") };
  const best = each.findLast(({ offered }) => offered.truth === true)?.protocol;
  const worst = each.find(({ offered }) => offered.truth === true)?.protocol;
  if (best === undefined || worst === undefined) return { score: null, because: "no protocol is offered" };
  const because = best === worst ? `${best} only` : `best ${best}, worst ${worst}`;
  return { score: (protocolScores[best] + protocolScores[worst]) / 2, because };
}

/** One parameter that the key exchange rests on, in RSA-equivalent bits; null when its strength could not be learned. */
interface Parameter {
  readonly bits: number | null;
  readonly what: string;
}

/** The weakest of what the server uses: certificate keys, groups (all it takes, not only the preferred), DH parameters, export keys. */
function keyExchangeScore(observations: Observations): Score {
  const { seen, gaps } = suitesOf(observations);
  const anonymous = seen.find(({ suite }) => isAnonymous(suite));
  if (anonymous !== undefined) return { score: anonymousScore, because: `anonymous: ${anonymous.suite.name}` };
  const suites = seen.map(({ suite }) => suite);
  const parameters = [
    ...keyParameters(observations),
    ...groupParameters(observations, suites),
    ...dhParameters(suites),
  ];
  const open = [...gaps, ...parameters.filter(({ bits }) => bits === null).map(({ what }) => what)];
  if (open.length > 0) return { score: null, because: open.join("; ") };
  if (suites.length === 0) return { score: null, because: "no suite was seen" };
  const weakest = parameters.reduce((least, parameter) =>
    (parameter.bits ?? 0) < (least.bits ?? 0) ? parameter : least,
  );
  return { score: fromTable(keyExchangeScores, weakest.bits ?? 0), because: `weakest: ${weakest.what}` };
}

function keyParameters(observations: Observations): readonly Parameter[] {
  const { certificates } = observations;
  if (certificates.state !== "observed") return [{ bits: null, what: `certificates: ${certificates.why}` }];
  const leaves = certificates.value.flatMap((chain) => chain.certificates.slice(0, 1));
  if (leaves.length === 0) return [{ bits: null, what: "no certificate was seen" }];
  return leaves.map(({ key }) => ({ bits: rsaEquivalent(key), what: `certificate key ${describeKey(key)}` }));
}

/** SSL Labs publishes no measure for hybrids: their classical part counts. A group of unknown strength (0) leaves the score open. */
function groupParameters({ groups }: Observations, suites: readonly SuiteSeen[]): readonly Parameter[] {
  if (!suites.some(usesGroups)) return [];
  if (groups.state !== "observed") return [{ bits: null, what: `groups: ${groups.why}` }];
  if (groups.value.groups.length === 0) return [{ bits: null, what: "no group was found although suites use one" }];
  return groups.value.groups.map(({ name, classicalRsaBits: bits }) =>
    bits > 0
      ? { bits, what: `group ${name} (as RSA ${bits})` }
      : { bits: null, what: `group ${name} of unknown strength` },
  );
}

function dhParameters(suites: readonly SuiteSeen[]): readonly Parameter[] {
  const ephemeral = suites.filter(isFiniteFieldEphemeral).map(({ name, dhBits }) => ({
    bits: dhBits,
    what: dhBits === null ? `DH parameters of ${name} not seen` : `DH ${dhBits} bits`,
  }));
  const weak = suites.filter(isExport).map(({ name }) => ({ bits: exportBits, what: `export suite ${name}` }));
  return [...ephemeral, ...weak];
}

function cipherScore(observations: Observations): Score {
  const { seen, gaps } = suitesOf(observations);
  if (gaps.length > 0) return { score: null, because: gaps.join("; ") };
  const sized = seen
    .map(({ suite }) => ({ name: suite.name, bits: scoredBits(suite, tripleDesBits) }))
    .toSorted((a, b) => a.bits - b.bits);
  const [weakest, strongest] = [sized.at(0), sized.at(-1)];
  if (weakest === undefined || strongest === undefined) return { score: null, because: "no suite was seen" };
  const of = (bits: number): readonly string[] => sized.filter((suite) => suite.bits === bits).map(({ name }) => name);
  const because = `strongest ${strongest.bits} bits, weakest ${weakest.bits} bits (${listed(of(weakest.bits))})`;
  return { score: (fromTable(cipherScores, strongest.bits) + fromTable(cipherScores, weakest.bits)) / 2, because };
}

function fromTable(table: readonly { readonly below: number; readonly score: number }[], bits: number): number {
  return table.find(({ below }) => bits < below)?.score ?? 100;
}
