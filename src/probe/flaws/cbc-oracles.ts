import { ascii, contentTypes, DecodeError } from "../../wire/index.ts";
import type { Channel } from "../client/channel.ts";
import { handshake12 } from "../client/client12.ts";
import { buildHello } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { failed, notApplicable, observed } from "../outcome.ts";
import type { FlawSeen, Outcome, SuiteSeen } from "../types.ts";
import { cbcFlaws, everyCbcFlaw, type CbcFlaw, type CbcOutcomes } from "./cbc-flaws.ts";
import { cbcPlaintext, cbcVectors, fit, type CbcVector } from "./cbc-vectors.ts";
import { planFor, type Opportunity } from "./known.ts";
import { comparePasses, isGarbage, type Pass, type Seen } from "./oracle.ts";
import { classOf, nextTelling, watchOver, type Reaction } from "./reaction.ts";

/**
 * Flaws of CBC record protection: `poodle-tls` (CVE-2014-8730), `zombie-poodle`, `goldendoodle`, `sleeping-poodle`, `zero-length` (CVE-2019-1559) and
 * `lucky-minus-20` (CVE-2016-2107). `found` has CBC suites of TLS 1.0 to 1.2. Completes a handshake for each malformed record and compares the reactions. One suite is
 * looked at: the server's first with AES and SHA-1 or SHA-256, for want of it another. Connections: 6; three times as many where answers differ.
 */
export async function probeCbcOracles(look: Look, found: Opportunity): Promise<CbcOutcomes> {
  const suite = mostTelling(found.suites);
  if (suite === undefined) throw new Error("no suite to look for flaws of CBC with");
  const isAes = suite.encryption.startsWith("AES");
  const vectors = cbcVectors.filter((form) => isAes || form !== "letters");
  const one: Opportunity = { ...found, suites: [suite] };
  const passes = await comparePasses(look, vectors, (channel, form) => attempt(look, channel, { found: one, form }));
  if ("state" in passes) return everyCbcFlaw(passes);
  return concludeCbc(passes, `${found.protocol} with ${suite.opensslName ?? suite.name}`);
}

/** CVE-2016-2107 is in code for AES with SHA-1 and SHA-256. */
function mostTelling(suites: readonly SuiteSeen[]): SuiteSeen | undefined {
  const aes = suites.filter(({ encryption }) => encryption.startsWith("AES"));
  return aes.find(({ name }) => /_SHA(256)?$/.test(name)) ?? aes[0] ?? suites[0];
}

/** What passes of reactions show. A flaw counts when every pass is the same; where they vary, it is unknown. */
export function concludeCbc(passes: readonly Partial<Pass<CbcVector>>[], where: string): CbcOutcomes {
  if (passes.every((pass) => Object.values(pass).every((kind) => kind === "silence")))
    return everyCbcFlaw(failed(`records that cannot be read are met with silence (${where})`));
  const told = passes.map(describe);
  if (passes.some((pass) => Object.values(pass).some(isGarbage)))
    return everyCbcFlaw(failed(`${where}: an answer cannot be read: ${[...new Set(told)].join("; ")}`));
  const seen = passes.map(signsIn);
  const isSteady = new Set(told).size === 1;
  const outcome = (flaw: CbcFlaw): Outcome<FlawSeen> => {
    if (flaw === "lucky-minus-20" && passes.some((pass) => pass.letters === undefined))
      return notApplicable("no suite with AES in CBC mode is offered");
    const present = seen.some((signs) => signs.includes(flaw));
    if (present && !isSteady) return failed(`${where}: the answers vary from try to try: ${told.join("; ")}`);
    return observed({ present, evidence: `${where}: ${told[0]}` });
  };
  return Object.fromEntries(cbcFlaws.map((flaw) => [flaw, outcome(flaw)])) as CbcOutcomes;
}

function describe(pass: Partial<Pass<CbcVector>>): string {
  const kinds = new Set(Object.values(pass));
  return kinds.size === 1
    ? `each of ${Object.keys(pass).length} records that cannot be read is met by ${[...kinds].join("")}`
    : cbcVectors.flatMap((form) => (pass[form] === undefined ? [] : [`${form}: ${pass[form]}`])).join(", ");
}

/** The flaws that one pass shows signs of. */
function signsIn(pass: Partial<Pass<CbcVector>>): CbcFlaw[] {
  const reference = pass["both wrong"];
  const signs: CbcFlaw[] = [];
  const compare = (form: CbcVector, to: string | undefined, flaw: CbcFlaw): void => {
    const kind = pass[form];
    if (kind === undefined || kind === to) return;
    // A difference in time alone has its own name.
    signs.push((kind === "silence") !== (to === "silence") && flaw !== "zero-length" ? "sleeping-poodle" : flaw);
  };
  const lucky = pass.letters?.startsWith("alert 22 ") === true;
  if (lucky && reference !== pass.letters) signs.push("lucky-minus-20");
  if (pass["wrong padding"] === "data") signs.push("poodle-tls");
  else compare("wrong padding", reference, "zombie-poodle");
  if (pass["wrong MAC"] === "data") signs.push("goldendoodle");
  else compare("wrong MAC", reference, "goldendoodle");
  compare("empty", pass["wrong MAC"], "zero-length");
  // The missing check of CVE-2016-2107 shows in this record too.
  if (!(lucky && pass["no room"] === pass.letters)) compare("no room", pass["wrong MAC"], "zero-length");
  return signs;
}

async function attempt(
  look: Look,
  channel: Channel,
  { found, form }: { found: Opportunity; form: CbcVector },
): Promise<Seen> {
  // Without encrypt_then_mac, as the clients that such flaws are turned on.
  const plan = { ...planFor(found), plain: true };
  const hello = buildHello(plan, { serverName: look.target.serverName, random: look.random });
  const { sealing, reader } = await handshake12(channel, hello, look.random);
  if (!("sealPlaintext" in sealing)) throw new DecodeError("the server took a suite without CBC");
  const head = `GET / HTTP/1.1\r\nHost: ${look.target.serverName || "localhost"}\r\nConnection: close\r\nX: a\r\n\r\n`;
  const request = ascii(fit(head, sealing.cbc));
  channel.send(
    sealing.sealPlaintext(contentTypes.applicationData, cbcPlaintext(form, { sealing, request, random: look.random })),
  );
  return { seen: classOf(await nextTelling(watchOver(look, reader), isHandshake)) };
}

/** Late tickets and HelloRequests. */
function isHandshake(reaction: Reaction): boolean {
  return reaction.kind === "record" && reaction.type === contentTypes.handshake;
}
