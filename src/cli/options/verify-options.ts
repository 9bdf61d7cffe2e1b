import { Option, type Command } from "commander";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import type { StartTls } from "../../probe/index.ts";
import type { CompareRequest } from "../commands/compare.ts";
import type { GradeRequest } from "../commands/grade.ts";
import type { VerifyRequest } from "../commands/verify.ts";
import type { Judging } from "../look/judged.ts";
import type { Looking } from "../look/looker.ts";
import { absolute, collect, count, hostName, minGrade, notEmpty, optional, outputFile, text } from "./option-values.ts";
import { parseProxy, startTlsNames } from "../look/ways.ts";

/** Options as commander gives them. */
type Options = Record<string, unknown>;

/** Options of `verify`. */
export function withVerifyOptions(command: Command): Command {
  return withLooking(
    withJudging(
      command
        .option(
          "--targets <file>",
          "one target a line, - for standard input; a line or record of result each",
          notEmpty,
        )
        .option("--all-addresses", "look at each address of a name on its own")
        .option("--record <file>", "keep all that was seen, with every byte, for tlsforge grade", outputFile),
    ),
  );
}

/** Options of `compare`. */
export function withCompareOptions(command: Command): Command {
  return withLooking(
    command
      .option("--ignore-trust", "compare as if the chains were trusted")
      .option("--html <file>", "write the comparison as one HTML file", outputFile)
      .option("--exit-code", "exit 10 when B is worse than A by any rulebook or AAA"),
  );
}

/** Options of `grade`. */
export function withJudging(command: Command): Command {
  return command
    .option("--ignore-trust", "grade as if the chain were trusted")
    .option("--html <file>", "write the report as one HTML file", outputFile)
    .addOption(minGrade());
}

/** What `verify` was asked, by its arguments and options. */
export function verifyRequest(cwd: string, args: readonly string[], options: Options): VerifyRequest {
  const list = text(options["targets"]);
  return {
    targets: args,
    ...judging(cwd, options),
    ...looking(cwd, options),
    ...optional("allAddresses", options["allAddresses"] === true ? (true as const) : undefined),
    ...optional("targetsFile", list === "-" ? list : absolute(cwd, list)),
    ...optional("record", absolute(cwd, text(options["record"]))),
  };
}

/** What `compare` was asked. */
export function compareRequest(cwd: string, args: readonly string[], options: Options): CompareRequest {
  const [a = "", b = ""] = args;
  return {
    sides: [a, b],
    ignoreTrust: options["ignoreTrust"] === true,
    exitCode: options["exitCode"] === true,
    ...looking(cwd, options),
    ...optional("html", absolute(cwd, text(options["html"]))),
  };
}

/** What `grade` was asked. */
export function gradeRequest(cwd: string, args: readonly string[], options: Options): GradeRequest {
  if (args.includes(""))
    throw new ForgeError("usage", "the name of a recording is empty", {
      hint: "name a file that verify --record wrote",
    });
  return { files: args.map((file) => path.resolve(cwd, file)), ...judging(cwd, options) };
}

/** How targets are looked at, and whom a look trusts. */
function withLooking(command: Command): Command {
  return command
    .option("--ca <file>", "PEM file with anchors to trust besides the system's (repeatable)", collect, [])
    .option("--server-name <name>", "name to ask for and to check (default: the host)", hostName)
    .addOption(
      new Option("--starttls <protocol>", "begin TLS in the middle of this protocol").choices([...startTlsNames]),
    )
    .option("--proxy <url>", "through http://[USER:PASSWORD@]HOST:PORT or socks5://…", parseProxy)
    .addOption(new Option("--ipv4", "only addresses of IPv4").conflicts("ipv6"))
    .option("--ipv6", "only addresses of IPv6")
    .option("--gentle", "two connections at once, with pauses")
    .option("--rate <n>", "connections per second, over all targets", count)
    .option("--max-connections <n>", "connections to one target (default: 800)", count)
    .option("--max-time <seconds>", "seconds for one target (default: 60)", count);
}

function looking(cwd: string, options: Options): Looking {
  const family: 4 | 6 | undefined = options["ipv4"] === true ? 4 : options["ipv6"] === true ? 6 : undefined;
  return {
    ca: (options["ca"] as string[]).map((file) => path.resolve(cwd, file)),
    ...optional("serverName", text(options["serverName"])),
    ...optional("startTls", options["starttls"] as StartTls | undefined),
    ...optional("proxy", options["proxy"] as Looking["proxy"]),
    ...optional("family", family),
    ...optional("gentle", options["gentle"] === true ? (true as const) : undefined),
    ...optional("rate", options["rate"] as number | undefined),
    ...optional("maxConnections", options["maxConnections"] as number | undefined),
    ...optional("maxSeconds", options["maxTime"] as number | undefined),
  };
}

function judging(cwd: string, options: Options): Judging {
  return {
    ignoreTrust: options["ignoreTrust"] === true,
    minGrade: text(options["minGrade"]) ?? null,
    ...optional("html", absolute(cwd, text(options["html"]))),
  };
}
