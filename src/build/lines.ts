import { StringDecoder } from "node:string_decoder";

/** Longer lines are cut, so that memory stays bounded. */
const longest = 4096;

/** Turns chunks of a program's output into lines. */
export interface LineSplitter {
  readonly add: (chunk: Buffer) => void;
  /** Gives the last line when it has no end. */
  readonly end: () => void;
}

/** Calls `take` for each line, without its end, colours and control characters; a carriage return ends a line too, as progress displays use it. */
export function lineSplitter(take: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const split = (text: string): void => {
    const all = rest + text;
    // Builds print millions of lines, and nearly none has anything to take out: that is asked once for many.
    const lines = all.includes("\r") ? all.split(/\r?\n|\r(?!$)/) : all.split("\n");
    const isPlain = !other.test(all);
    rest = (lines.pop() ?? "").slice(0, longest);
    for (const line of lines) take(isPlain ? line.slice(0, longest) : plain(line));
  };
  return {
    add: (chunk) => split(decoder.write(chunk)),
    end() {
      split(decoder.end());
      const last = plain(rest);
      rest = "";
      if (last !== "") take(last);
    },
  };
}

const escape = String.fromCodePoint(0x1b);
const bell = String.fromCodePoint(0x07);

/** ECMA-48 control sequences, and the titles that terminals are given. */
const sequences = new RegExp(
  String.raw`${escape}\[[0-?]*[ -/]*[@-~]|${escape}\][^${bell}${escape}]*(?:${bell}|${escape}\\)?`,
  "g",
);
const controls = /(?!\t)\p{Cc}/gu;
/** Whatever is neither text nor the end of a line. */
const other = /(?![\t\n\r])\p{Cc}/u;

function plain(line: string): string {
  return line.slice(0, longest).replaceAll(sequences, "").replaceAll(controls, "");
}
