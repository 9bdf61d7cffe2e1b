/** Programs that a command of a build left running, and that its seal has ended. */

/** How much is told of each in one line. */
const longest = 200;

/** What seal.pl says that it has ended, without the numbers, which mean nothing outside of the seal; null for every other line. */
export function leftBehindIn(line: string): string | null {
  if (!line.startsWith("[")) return null;
  const [, programs] = /^\[tlsforge: left behind by this program, and ended: (.+?)\]?$/u.exec(line) ?? [];
  return programs === undefined ? null : shortened(programs.replaceAll(/ \(\d+\)(?=, |$)/gu, ""), longest);
}

/** The same in a sentence, for warnings and the receipt. */
export function leftBehindText(argv: readonly string[], programs: string): string {
  const command = shortened(argv.join(" ").replaceAll(/\s+/g, " "), 80);
  return `${command} left running, and the seal ended: ${programs}`;
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}
