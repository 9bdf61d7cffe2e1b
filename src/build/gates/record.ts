import path from "node:path";
import type { FileSpec } from "../../recipe/index.ts";
import type { CompilerFacts } from "./compiler.ts";
import { compilerWrapper, prefixMap, recordHeader } from "./wrapper.ts";

/** What one object says of itself. */
export interface ObjectRecord {
  /** The source file as it was given to the compiler; several of one command with ", " between where they cannot be told apart. */
  readonly file: string;
  readonly language: "c" | "assembler";
  /** Of assembler, the object that it became: the linker knows it by that name, since assembler names no source of itself. */
  readonly object: string | null;
  readonly stackProtector: "none" | "basic" | "explicit" | "strong" | "all";
  /** 0: off, or without effect because nothing is optimised. */
  readonly fortify: number;
  /** Whether -fstack-clash-protection was among its flags. */
  readonly stackClash: boolean;
  /** Bit 0: branches are guarded (IBT, BTI), bit 1: returns are (SHSTK, PAC). */
  readonly guards: number;
}

/**
 * The files of a `record` step: compilers of the usual names in the folder that is first on PATH. Each runs the real one of its name, which
 * then leaves a line in every object: not the flags that it was given, but what came of them, as its own macros say. So a default of the
 * distribution counts, and a flag that a later one undoes does not. Assembler that is not preprocessed has the line put before it.
 * They also call the scratch folder `/build` in whatever the compiler writes down.
 */
export function recordFiles(compiler: CompilerFacts, scratch: string): readonly FileSpec[] {
  const folder = path.join(scratch, "bin");
  const header = path.join(folder, "tlsforge-record.h");
  return [
    { to: header, content: recordHeader },
    ...compiler.programs.map(({ name, file, flags }) => ({
      to: path.join(folder, name),
      content: compilerWrapper({ real: file, header, flags: [...flags, ...mapFlags(flags, scratch)] }),
      mode: "755",
    })),
  ];
}

/** The lines of a file's section. A line that is none of ours is left out: what has no line is found by its symbols. */
export function parseRecords(section: Buffer): ObjectRecord[] {
  return section
    .toString("utf8")
    .split("\n")
    .flatMap((line) => {
      const match = recordLine.exec(line);
      if (match?.groups === undefined) return [];
      const { file = "", language, object, ssp, fortify, clash, guards } = match.groups;
      return [
        {
          file,
          language: language === "c" ? ("c" as const) : ("assembler" as const),
          object: object ?? null,
          stackProtector: (ssp ?? "none") as ObjectRecord["stackProtector"],
          fortify: Number(fortify ?? 0),
          stackClash: clash === "1",
          guards: Number(guards ?? 0),
        },
      ];
    });
}

const recordLine =
  /^language=(?<language>c|assembler)(?: object=(?<object>.*?))?(?: ssp=(?<ssp>none|basic|explicit|strong|all) fortify=(?<fortify>\d) clash=(?<clash>[01]) guards=(?<guards>[0-3]))? file=(?<file>.*)$/;

/** The flag was tried with a folder of its own; here it gets the one that counts. */
function mapFlags(flags: readonly string[], scratch: string): string[] {
  return flags.includes(prefixMap) ? [`-ffile-prefix-map=${scratch}=/build`] : [];
}
