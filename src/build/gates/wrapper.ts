import path from "node:path";
import { quotedWord } from "../../words.ts";

/** The section of an object in which the compiler says how it was compiled. It is not loaded when a program runs. */
export const recordSection = ".tlsforge.compiled";

/** What only clang takes: not to complain of flags that it has no use for, such as a header when it links. */
export const quiet = "-Qunused-arguments";

/** A flag that maps nothing: whether a compiler takes it tells whether it can map. */
export const prefixMap = "-ffile-prefix-map=/nowhere=/nowhere";

/** What each source begins with. */
export const recordHeader = `/* What the compiler makes of its flags, left in the object. Written by tlsforge; nothing of it stays defined. */
#ifndef TLSFORGE_FILE
#define TLSFORGE_FILE __BASE_FILE__
#endif
#ifdef __ASSEMBLER__
	.pushsection ${recordSection},"",%progbits
	.ascii "language=assembler object="
	.ascii TLSFORGE_OBJECT
	.ascii " file="
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
#undef TLSFORGE_OBJECT
#undef TLSFORGE_CLASH_GIVEN
`;

/** The program that stands for a compiler: shell, since nothing else is there on every machine before anything is built. */
export function compilerWrapper(options: {
  readonly real: string;
  readonly header: string;
  readonly flags: readonly string[];
}): string {
  const [real, header, folder] = [options.real, options.header, path.dirname(options.header)].map(quotedWord);
  const flags = options.flags.map(quotedWord).join(" ");
  // clang's own name of the source is not known yet where a header is included by its command line.
  const named = options.flags.includes(quiet) ? 'set -- "-DTLSFORGE_FILE=\\"$sources\\"" "$@"\n' : "";
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
sources= object= before=
for given; do
	case $before,$given in
	-o,*) object=\${given##*/} ;;
	*,-*) ;;
	*.[cCS] | *.cc | *.cpp | *.cxx) sources=$sources\${sources:+, }\${given##*/} ;;
	esac
	before=$given
done
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
					printf '\\t.ascii "language=assembler object=%s file=%s\\\\n"\\n\\t.popsection\\n' "$object" "\${given##*/}"
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
${named}exec ${real} ${flags} "-DTLSFORGE_OBJECT=\\"$object\\"" -include ${header} "$@"
`;
}
