/** A value as one word of a POSIX shell, always in single quotes (Shell Command Language, section 2.2.2). */
export function quotedWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A value as one word of a POSIX shell: as it is where no shell reads more into it, else in single quotes. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : quotedWord(text);
}

/** An argv as a POSIX shell reads it. */
export function shellLine(argv: readonly string[]): string {
  return argv.map(shellWord).join(" ");
}

/** Bytes as people read them, in powers of ten: `812 B`, `53.1 kB`, `53.1 MB`, `53.1 GB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** A number with what it counts: `1 source`, `2 sources`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** How a program is called again for the same folders: an option that is not as it usually is goes with it. */
export function calledAgain(
  program: string,
  options: readonly { readonly name: string; readonly value: string; readonly usual: string }[],
): string {
  const told = options.filter(({ value, usual }) => value !== usual);
  return [program, ...told.map(({ name, value }) => `${name} ${shellWord(value)}`)].join(" ");
}
