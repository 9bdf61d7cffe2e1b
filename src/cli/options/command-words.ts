import type { Command, Option } from "commander";

/**
 * A command line with its command first. Global options may stand before the command as well as after it, but each command parses its own;
 * what is no known global option is left where it is, for the parser to complain about.
 */
export function commandFirst(program: Command, globals: readonly Option[], argv: readonly string[]): readonly string[] {
  const start = skipGlobals(globals, argv);
  if (start === 0) return argv;
  const end = start + commandWords(program, argv.slice(start)).length;
  return [...argv.slice(start, end), ...argv.slice(0, start), ...argv.slice(end)];
}

/** The name of the command that a command line is about, as records tell it: `recipe lint`; the program's own when it names none. */
export function commandName(program: Command, globals: readonly Option[], argv: readonly string[]): string {
  const rest = argv.slice(skipGlobals(globals, argv));
  const words = commandWords(program, rest);
  if (words.length > 0) return words.join(" ");
  return rest.find((word) => !word.startsWith("-")) ?? program.name();
}

/** How many of the first words are global options and their values. */
function skipGlobals(globals: readonly Option[], argv: readonly string[]): number {
  let index = 0;
  for (;;) {
    const word = argv[index];
    if (word === undefined) return index;
    const option = globals.find(({ long, short }) => word === long || word === short || word.startsWith(`${long}=`));
    if (option === undefined) return index;
    index += option.required && !word.includes("=") ? 2 : 1;
  }
}

function commandWords(program: Command, argv: readonly string[]): readonly string[] {
  const [word] = argv;
  const child = program.commands.find((command) => command.name() === word);
  return child === undefined || word === undefined ? [] : [word, ...commandWords(child, argv.slice(1))];
}
