import { ForgeError, type Span } from "../errors.ts";
import type { ServerStatus } from "../server/index.ts";
import type { Report } from "../grade/index.ts";
import type { ServerChange } from "./serve/serve.ts";

/** The record of a command: what `--json` prints, and what the text of the command is made from (design, section 7). */
export interface Result {
  readonly outcome: "done" | "unchanged" | "failed";
  readonly exitCode: number;
  /** Everything else that the record holds, by the names of the shipped schema. */
  readonly fields: ResultFields;
  /** What a person sees on standard output instead of the record. */
  readonly text: string;
  /** Shown on standard error when the outcome is `failed`. */
  readonly error?: unknown;
  /** The command has written its output itself, as it came. */
  readonly written?: boolean;
}

/** The fields that commands share; each command adds its own. */
export interface ResultFields {
  readonly error?: ErrorFields;
  readonly generation?: number | null;
  readonly prefix?: string;
  readonly builds?: readonly (BuildRecord | PlannedRecord)[];
  readonly host?: readonly HostFields[];
  readonly server?: ServerFields | ServerChange | null;
  readonly report?: Report | null;
  readonly [name: string]: unknown;
}

export interface ErrorFields {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly span?: Span;
  readonly details?: readonly string[];
}

/** An error as records hold it; anything but a ForgeError is a bug. */
export function errorFields(error: unknown): { readonly error: ErrorFields } {
  if (!(error instanceof ForgeError)) {
    return {
      error: {
        code: "bug",
        message: error instanceof Error && error.message !== "" ? error.message : "unknown",
        hint: "please report this with the stack that was printed",
      },
    };
  }
  const { code, message, hint, span, details } = error;
  return {
    error: {
      code,
      message,
      hint: hint ?? null,
      ...(span === undefined ? {} : { span }),
      ...(details.length === 0 ? {} : { details }),
    },
  };
}

/** One build as `provision` and `build` tell it. */
export interface BuildRecord {
  readonly recipe: string;
  readonly version: string;
  readonly key: string;
  readonly cached: boolean;
  readonly location: string;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  /** How far it was kept to itself, in a sentence; absent for what was built before there were seals. */
  readonly sealed?: string;
}

/** One build as `plan` tells it. */
export interface PlannedRecord {
  readonly recipe: string;
  readonly version: string;
  readonly key: string;
  readonly action: "build" | "cached";
  readonly why: string;
}

export interface HostFields {
  readonly id: string;
  readonly action: "none" | "create" | "update" | "delete" | "blocked";
  readonly current: string | null;
  readonly desired: string | null;
}

export type ServerFields = Pick<ServerStatus, "pid" | "workers" | "listen" | "generation" | "certificates"> & {
  /** Who was relieved and can take over again at once. */
  readonly standingBy?: Pick<ServerStatus, "pid" | "generation" | "until"> | null;
  /** As read back from OpenSSL, and what the process and its workers have given up. */
  readonly policy?: ServerStatus["policy"];
};

/** The part of a server's status that records hold. */
export function serverFields(status: ServerStatus): ServerFields {
  const { pid, workers, listen, generation, certificates } = status;
  return { pid, workers, listen, generation, certificates };
}

/** The one JSON document of a command. */
export function record(command: string, result: Result): string {
  return `${JSON.stringify(recordOf(command, result), null, 2)}\n`;
}

/** One of several documents of a command, on one line. */
export function recordLine(command: string, result: Result): string {
  return `${JSON.stringify(recordOf(command, result))}\n`;
}

function recordOf(command: string, { outcome, exitCode, fields }: Result): object {
  return { schema: "tlsforge.result/1", command, outcome, exitCode, ...fields };
}
