/** CMake: errors are indented below a line that says where (cmMessenger). What it did not find and was not told to need, it lists with two dashes. */
import { notFoundText } from "./pkg-config.ts";
import type { Found, Rule } from "./types.ts";

const error = "CMake Error at ";
const hint =
  "install the development package that has it, or name the folder that it is in: -DCMAKE_PREFIX_PATH=… in the step";

export const cmakeRules: readonly Rule[] = [
  {
    id: "cmake-package",
    pattern: /^ {2}Could NOT find (?<name>[\w.+-]+?)(?::| \(missing:(?<missing>[^)]*)| |$)/,
    after: error,
    summary: "",
    hint,
    tell: ({ match }) => {
      const { name, missing = "" } = match.groups ?? {};
      return { summary: `CMake does not find ${name}${missing.trim() === "" ? "" : ` (${missing.trim()})`}`, hint };
    },
  },
  {
    id: "cmake-config",
    pattern: /^ {2}Could not find a package configuration file provided by "(?<name>[^"]+)"/,
    after: error,
    summary: "CMake does not find {name}",
    hint,
  },
  {
    id: "cmake-pkg-config",
    pattern: /^ {2}(?:A required package was not found|The following required packages were not found:)$/,
    after: error,
    summary: "",
    hint,
    tell: (found) => pkgConfigTold(found),
  },
  {
    id: "cmake-old",
    pattern: /^ {2}CMake (?<wanted>[\d.]+) or higher is required\.\s+You are running version (?<found>[\d.]+)/,
    after: error,
    summary: "cmake {found} is too old: {wanted} is needed",
    hint: "install a newer cmake and put it first on PATH",
  },
  {
    id: "cmake",
    pattern: /^CMake Error(?: at (?<place>[^\s(]+:\d+) \(\w+\))?:(?: (?<said>.+))?$/,
    vague: true,
    summary: "",
    hint: "",
    tell: ({ match, lines, index }) => {
      const { place, said } = match.groups ?? {};
      const below = lines.slice(index + 1, index + 9);
      const end = below.findIndex((line) => !line.startsWith("  "));
      const text =
        said ??
        below
          .slice(0, end < 0 ? below.length : end)
          .map((line) => line.trim())
          .join(" ");
      return {
        summary: `CMake says${place === undefined ? "" : ` of ${place}`}: ${text.replace(/\.$/, "") || "there is an error"}`,
        hint: "see what it looked for before that, in the log",
      };
    },
  },
];

/** What pkg-config answered last names the package. */
function pkgConfigTold({ lines, index }: Found) {
  const answer = new RegExp(`^--   ${notFoundText}$`);
  const match = lines
    .slice(0, index)
    .map((line) => answer.exec(line))
    .findLast((entry) => entry !== null);
  const name = match?.groups?.["name"] ?? match?.groups?.["other"];
  if (name === undefined) return { summary: "CMake does not find a package that pkg-config is asked for", hint };
  return { summary: `CMake does not find ${name} (pkg-config)`, hint, lacks: { kind: "pkg-config" as const, name } };
}
