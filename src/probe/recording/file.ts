import { createHash } from "node:crypto";
import { ForgeError } from "../../errors.ts";
import { unknownObservations } from "../assemble.ts";
import { untestable } from "../outcome.ts";
import type { Observations } from "../types.ts";
import type { Recording } from "./recorder.ts";

const schema = "tlsforge.recording/1";

/** The text of a recording's file: one JSON document that can be judged again without a network. `program` is the version that made it. */
export function writeRecording({ observations, connections }: Recording, program: string): string {
  const digest = digestOf({ observations, connections });
  return `${JSON.stringify({ schema, program, digest, observations, connections })}\n`;
}

/**
 * The observations of a recording. What an older tlsforge did not look at is `untestable`. Throws ForgeError `usage` for what is none, is not whole or
 * was changed, and for one of a newer schema.
 */
export function readRecording(text: string, file: string): Observations {
  const found = parse(text, file);
  const name = isRecord(found) ? found["schema"] : undefined;
  if (typeof name !== "string" || !isRecord(found)) throw refusal(file, "it is no recording of tlsforge");
  const version = /^tlsforge\.recording\/(\d+)$/.exec(name)?.[1];
  if (version === undefined)
    throw refusal(
      file,
      name.startsWith("tlsforge.")
        ? `it holds ${name.slice(0, 60)}, not a recording`
        : "it is no recording of tlsforge",
    );
  if (version !== "1")
    throw refusal(file, `its schema is ${name}, and this tlsforge knows ${schema}`, "judge it with a newer tlsforge");
  const { digest, observations, connections } = found;
  if (!isRecord(observations) || !Array.isArray(connections)) throw refusal(file, "it is not whole");
  if (digestOf({ observations, connections }) !== digest)
    throw refusal(file, "it was changed or damaged after it was made: its digest does not fit");
  return fitted(observations, { of: "recording", refuse: (why) => refusal(file, why) });
}

/**
 * Observations that were read from somewhere, with what they lack as `untestable`. Throws what `refuse` makes of the reason why they are none: each has the
 * kind that it must have, but its value is not looked into.
 */
export function fitted(
  found: Readonly<Record<string, unknown>>,
  { of, refuse }: { readonly of: "recording" | "report"; readonly refuse: (why: string) => Error },
): Observations {
  const missing = unknownObservations(untestable(`the ${of} does not hold it`));
  const problem = misfit(found, { ...head, ...missing }, "observations");
  if (problem !== null) throw refuse(problem);
  return filled(found, missing) as unknown as Observations;
}

/** What every recording has, by kind. */
const head = {
  schema: "",
  time: "",
  target: { host: "", port: 0, serverName: "", address: "" },
  connections: 0,
  bytesSent: 0,
  bytesReceived: 0,
  seconds: 0,
};

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const begins = /^\s*\{\s*"schema"\s*:\s*"tlsforge\.recording\//.test(text);
    throw refusal(file, begins ? "it ends too early or is damaged" : "it is no recording of tlsforge");
  }
}

function refusal(file: string, why: string, hint = "name a file that tlsforge verify --record wrote"): ForgeError {
  return new ForgeError("usage", `${file} cannot be judged: ${why}`, { hint });
}

function digestOf(of: { readonly observations: unknown; readonly connections: unknown }): string {
  return createHash("sha256")
    .update(JSON.stringify([of.observations, of.connections]))
    .digest("hex");
}

/** What does not have the kind that it must have; what is missing in observations is no misfit, but in the head it is. */
function misfit(found: unknown, wanted: unknown, path: string): string | null {
  if (isOutcome(wanted)) {
    const fits = isRecord(found) && (found["state"] === "observed" ? "value" in found : isOutcome(found));
    return fits ? null : `${path} is no outcome`;
  }
  if (Array.isArray(wanted)) return Array.isArray(found) ? null : `${path} is no list`;
  if (!isRecord(wanted)) return typeof found === typeof wanted ? null : `${path} is no ${typeof wanted}`;
  if (!isRecord(found)) return `${path} is missing or no object`;
  for (const [name, inner] of Object.entries(wanted)) {
    const optional = !(name in head) && !path.endsWith(".target");
    if (!Object.hasOwn(found, name) && optional) continue;
    const problem = misfit(found[name], inner, `${path}.${name}`);
    if (problem !== null) return problem;
  }
  return null;
}

/** The same with what is missing, in the order of the recording. */
function filled(found: Readonly<Record<string, unknown>>, missing: object): Record<string, unknown> {
  const result = { ...found };
  for (const [name, value] of Object.entries(missing)) {
    const known = result[name];
    if (!Object.hasOwn(found, name)) result[name] = value;
    else if (isRecord(known) && isRecord(value) && !isOutcome(value)) result[name] = filled(known, value);
  }
  return result;
}

function isOutcome(value: unknown): boolean {
  return (
    isRecord(value) &&
    (value["state"] === "untestable" || value["state"] === "failed") &&
    typeof value["why"] === "string"
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
