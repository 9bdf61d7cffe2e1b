import { stat } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { isIPv6 } from "node:net";
import { ForgeError } from "../../errors.ts";

/** A host and a port that a command line or a list of targets names. */
export interface TargetSpec {
  readonly host: string;
  readonly port: number;
}

const hint = "write HOST, HOST:PORT or [ADDRESS]:PORT";

/** Splits `HOST[:PORT]`; `port` unless told. An address with colons stands in brackets when a port follows. Throws ForgeError `usage`. */
export function parseTarget(text: string, port = 443): TargetSpec {
  const refuse = (why: string): ForgeError =>
    new ForgeError("usage", `${JSON.stringify(text.slice(0, 300))} is no target${why}`, { hint });
  const bare = text.replace(/^https:\/\//i, "").replace(/\/$/, "");
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(bare)) throw refuse(": only https: can be looked at");
  if (bare.includes("/") || /[?#]/.test(bare)) throw refuse(": it has a path, and TLS is the same for all paths");
  if (bare.includes("@")) throw refuse(": it names a user, and nobody logs in here");
  if (/^:\d*$/.test(bare)) throw refuse(": it names no host");
  const written = withPort(bare);
  if (written !== null) throw refuse(`: an IPv6 address with a port stands in brackets: ${written}`);
  const match =
    /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^:[\]\s]+)|([0-9a-fA-F]*:[0-9a-fA-F:.]+(?:%[\w.-]+)?))(?::(\d{1,5}))?$/.exec(
      bare,
    );
  const host = match?.[1] ?? (match?.[2] === undefined ? undefined : asciiName(match[2])) ?? match?.[3];
  const wanted = Number(match?.[4] ?? port);
  if (host === undefined) throw refuse("");
  if (wanted < 1 || wanted > 65_535) throw refuse(": a port is a number from 1 to 65535");
  return { host, port: wanted };
}

/** A name as it is looked up: other scripts as IDNA has them; undefined when it can be no name. */
function asciiName(name: string): string | undefined {
  const ascii = /^\p{ASCII}*$/u.test(name) ? name : (URL.parse(`https://${name}`)?.hostname ?? "");
  const isName = /^(?:\w(?:[\w-]{0,61}\w)?\.)*\w(?:[\w-]{0,61}\w)?\.?$/.test(ascii);
  return isName && ascii.length <= 254 ? ascii : undefined;
}

/** Ports that the end of an IPv6 address without brackets was more likely meant as. */
const usualPorts: ReadonlySet<string> = new Set(
  "25 443 465 587 636 853 990 993 995 4433 5061 5432 8443 9443".split(" "),
);

/** How an IPv6 address and a port should have been written; null where the text can only be an address, or is none. */
function withPort(text: string): string | null {
  const [, address = "", port = ""] = /^([0-9a-f:.]*:[0-9a-f:.]*):(\d{1,5})$/i.exec(text) ?? [];
  if (!isIPv6(address)) return null;
  const right = `[${address}]:${port}`;
  if (!isIPv6(text)) return right;
  return usualPorts.has(port) || address === "::1" || address === "::"
    ? `${right} (or [${text}], where all of it is one)`
    : null;
}

/** A host and a port as they are written: an IPv6 address in brackets. */
export function written({ host, port }: TargetSpec): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** More than this is no list of targets. */
const limits = { lines: 1_000_000, lineLength: 1000 };

/** The part of a list that is read at a time; only parsed targets are kept. */
type Chunks = AsyncIterable<Uint8Array | string>;

/**
 * Reads a list of targets: one a line; what follows `#` is a comment, empty lines are skipped. `-` is standard input. The whole list is read before
 * anything is contacted. Throws ForgeError `usage` that names the first ten bad lines and says how many there are.
 */
export async function readTargets(
  file: string,
  of: { readonly port: number; readonly input: () => Chunks },
): Promise<readonly TargetSpec[]> {
  const name = file === "-" ? "standard input" : file;
  const targets: TargetSpec[] = [];
  const problems: string[] = [];
  let [count, bad] = [0, 0];
  for await (const line of linesOf(file === "-" ? of.input() : await opened(file), name)) {
    count++;
    if (count > limits.lines)
      throw new ForgeError("usage", `${name} has more than ${limits.lines} lines`, { hint: "split it" });
    const text = line.replace(/(^|\s)#[^]*$/, "").trim();
    if (text === "") continue;
    try {
      targets.push(parseTarget(text, of.port));
    } catch (error) {
      if (!(error instanceof ForgeError)) throw error;
      bad++;
      if (problems.length < mostTold) problems.push(`line ${count}: ${error.message}`);
    }
  }
  if (bad > 0) throw badLines(name, problems, bad);
  if (targets.length === 0)
    throw new ForgeError("usage", `there is no target in ${name}`, { hint: "write one HOST[:PORT] a line" });
  return targets;
}

/** Bad lines that are told in full. */
const mostTold = 10;

function badLines(name: string, problems: readonly string[], bad: number): ForgeError {
  const left = bad - problems.length;
  return bad === 1
    ? new ForgeError("usage", `${name}, ${problems[0]}`, { hint })
    : new ForgeError("usage", `${bad} lines of ${name} are no targets`, {
        hint,
        details: [...problems, ...(left === 0 ? [] : [`and ${left} more`])],
      });
}

/** A pipe is as good as a file here. */
async function opened(file: string): Promise<Chunks> {
  const refuse = (why: string, cause?: unknown): ForgeError =>
    new ForgeError("usage", `the file of --targets cannot be read: ${file} (${why})`, {
      hint: "name a text file",
      cause,
    });
  const facts = await stat(file).catch((error: unknown) => {
    throw refuse((error as NodeJS.ErrnoException).code ?? "unknown", error);
  });
  if (facts.isDirectory()) throw refuse("it is a folder");
  return readable(createReadStream(file), refuse);
}

async function* readable(chunks: Chunks, refuse: (why: string, cause: unknown) => ForgeError): Chunks {
  try {
    yield* chunks;
  } catch (error) {
    throw error instanceof Error && "code" in error ? refuse(String(error.code), error) : error;
  }
}

async function* linesOf(chunks: Chunks, name: string): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }))).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > limits.lineLength || lines.some((line) => line.length > limits.lineLength))
      throw new ForgeError(
        "usage",
        `${name} is no list of targets: a line is longer than ${limits.lineLength} characters`,
        {
          hint: "write one HOST[:PORT] a line",
        },
      );
    yield* lines;
  }
  if (rest !== "") yield rest;
}
