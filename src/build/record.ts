import path from "node:path";
import type { FileSpec } from "../recipe/index.ts";
import type { CompilerFacts } from "./compiler.ts";

/** The section of an object in which the compiler says how it was compiled. It is not loaded when a program runs. */
export const recordSection = ".tlsforge.compiled";

/** What one object says of itself. */
export interface ObjectRecord {
  /** The source file as it was given to the compiler; several of one command with ", " between where they cannot be told apart. */
  readonly file: string;
  readonly language: "c" | "assembler";
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
      content: wrapper({ real: file, header, flags: [...flags, ...mapFlags(flags, scratch)] }),
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
      const { file = "", language, ssp, fortify, clash, guards } = match.groups;
      return [
        {
          file,
          language: language === "c" ? ("c" as const) : ("assembler" as const),
          stackProtector: (ssp ?? "none") as ObjectRecord["stackProtector"],
          fortify: Number(fortify ?? 0),
          stackClash: clash === "1",
          guards: Number(guards ?? 0),
        },
      ];
    });
}

const recordLine =
  /^language=(?<language>c|assembler)(?: ssp=(?<ssp>none|basic|explicit|strong|all) fortify=(?<fortify>\d) clash=(?<clash>[01]) guards=(?<guards>[0-3]))? file=(?<file>.*)$/;

const recordHeader = `/* What the compiler makes of its flags, left in the object. Written by tlsforge; nothing of it stays defined. */
#ifndef TLSFORGE_FILE
#define TLSFORGE_FILE __BASE_FILE__
#endif
#ifdef __ASSEMBLER__
	.pushsection ${recordSection},"",%progbits
	.ascii "language=assembler file="
	.ascii TLSFORGE_FILE
	.ascii "\\n"
	.popsection
#else
#if defined(__SSP_ALL__)
#define TLSFORGE_SSP "all"
#elif defined(__SSP_STRONG__)
#define TLSFORGE_SSP "strong"
#elif defined(__SSP_EXPLICIT__)
#define TLSFORGE_SSP "explicit"
#elif defined(__SSP__)
#define TLSFORGE_SSP "basic"
#else
#define TLSFORGE_SSP "none"
#endif
#if !defined(__OPTIMIZE__) || !defined(_FORTIFY_SOURCE)
#define TLSFORGE_FORTIFY "0"
#elif _FORTIFY_SOURCE >= 3
#define TLSFORGE_FORTIFY "3"
#elif _FORTIFY_SOURCE == 2
#define TLSFORGE_FORTIFY "2"
#elif _FORTIFY_SOURCE == 1
#define TLSFORGE_FORTIFY "1"
#else
#define TLSFORGE_FORTIFY "0"
#endif
#ifdef TLSFORGE_CLASH_GIVEN
#define TLSFORGE_CLASH "1"
#else
#define TLSFORGE_CLASH "0"
#endif
#if defined(__CET__) && __CET__ == 3
#define TLSFORGE_GUARDS "3"
#elif defined(__CET__) && __CET__ == 2
#define TLSFORGE_GUARDS "2"
#elif defined(__CET__) && __CET__ == 1
#define TLSFORGE_GUARDS "1"
#elif defined(__ARM_FEATURE_BTI_DEFAULT) && defined(__ARM_FEATURE_PAC_DEFAULT)
#define TLSFORGE_GUARDS "3"
#elif defined(__ARM_FEATURE_PAC_DEFAULT)
#define TLSFORGE_GUARDS "2"
#elif defined(__ARM_FEATURE_BTI_DEFAULT)
#define TLSFORGE_GUARDS "1"
#else
#define TLSFORGE_GUARDS "0"
#endif
__asm__(".pushsection ${recordSection},\\"\\",%progbits\\n"
	"\\t.ascii \\"language=c ssp=" TLSFORGE_SSP " fortify=" TLSFORGE_FORTIFY " clash=" TLSFORGE_CLASH
	" guards=" TLSFORGE_GUARDS " file=" TLSFORGE_FILE "\\\\n\\"\\n\\t.popsection");
#undef TLSFORGE_SSP
#undef TLSFORGE_FORTIFY
#undef TLSFORGE_CLASH
#undef TLSFORGE_GUARDS
#endif
#undef TLSFORGE_FILE
#undef TLSFORGE_CLASH_GIVEN
`;

/** The flag was tried with a folder of its own; here it gets the one that counts. */
function mapFlags(flags: readonly string[], scratch: string): string[] {
  return flags.includes(prefixMap) ? [`-ffile-prefix-map=${scratch}=/build`] : [];
}

/** What only clang takes: not to complain of flags that it has no use for, such as a header when it links. */
export const quiet = "-Qunused-arguments";

/** A flag that maps nothing: whether a compiler takes it tells whether it can map. */
export const prefixMap = "-ffile-prefix-map=/nowhere=/nowhere";

function wrapper(options: {
  readonly real: string;
  readonly header: string;
  readonly flags: readonly string[];
}): string {
  const [real, header, folder] = [options.real, options.header, path.dirname(options.header)].map(quoted);
  const flags = options.flags.map(quoted).join(" ");
  return `#!/bin/sh
# Runs the compiler of this name, and has it say in each object how it was compiled. Written by tlsforge for one build.
# What it runs may itself be something that looks for a compiler on PATH.
case $PATH in
${folder}:*) PATH=\${PATH#*:} ;;
esac
case " $* " in
*" -E "* | *" -M "* | *" -MM "*) exec ${real} ${flags} "$@" ;;
*" -fno-stack-clash-protection "*) ;;
*" -fstack-clash-protection "*) set -- -DTLSFORGE_CLASH_GIVEN "$@" ;;
esac
case " $* " in
*.s" "*)
	left=$# before=
	while [ "$left" -gt 0 ]; do
		given=$1 use=$1 left=$((left - 1))
		shift
		case $before,$given in
		-o,* | *,-*) ;;
		*,*.s)
			if [ -f "$given" ]; then
				use=$(mktemp -d "\${TMPDIR:-/tmp}/record.XXXXXX")/\${given##*/} || exit 1
				{
					printf '\\t.pushsection ${recordSection},"",%%progbits\\n'
					printf '\\t.ascii "language=assembler file=%s\\\\n"\\n\\t.popsection\\n' "\${given##*/}"
					cat "$given"
				} >"$use" || exit 1
			fi
			;;
		esac
		before=$given
		set -- "$@" "$use"
	done
	;;
esac
${options.flags.includes(quiet) ? nameSources : ""}exec ${real} ${flags} -include ${header} "$@"
`;
}

/** clang's own name of the source is not known yet where a header is included by its command line. */
const nameSources = `sources=
for given; do
	case $given in
	-*) ;;
	*.[cCS] | *.cc | *.cpp | *.cxx) sources=$sources\${sources:+, }\${given##*/} ;;
	esac
done
set -- "-DTLSFORGE_FILE=\\"$sources\\"" "$@"
`;

/** For the shell: as it is, whatever it holds. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
