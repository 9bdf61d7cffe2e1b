import { errnoOf } from "./problems.ts";

/** A member of a zip file as text. */
export interface ZipText {
  readonly name: string;
  readonly text: string;
}

/**
 * The members of a zip file whose names fit, one after the other, as text; nothing is unpacked. Throws a plain Error whose message says what is wrong:
 * no zip file, a member longer than `longest` bytes (as it says itself, or as it turns out), or all of them longer than `most`.
 */
export async function* zipTexts(
  file: string,
  options: { readonly fits: (name: string) => boolean; readonly longest: number; readonly most: number },
): AsyncGenerator<ZipText> {
  const yauzl = await import("yauzl");
  const zip = await yauzl.openPromise(file, { strictFileNames: false }).catch((error: unknown) => {
    if (/^E[A-Z]+$/.test(errnoOf(error) ?? "")) throw error;
    const said = error instanceof Error ? error.message : String(error);
    throw new Error(
      said.startsWith("End of central directory record signature not found")
        ? "is cut short, or no zip file: the list of what it holds is missing"
        : `is no zip file that can be read: ${said}`,
    );
  });
  let left = options.most;
  for await (const entry of zip.eachEntry()) {
    if (!options.fits(entry.fileName)) continue;
    if (entry.uncompressedSize > options.longest) throw tooLong(entry.fileName);
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
      length += chunk.length;
      left -= chunk.length;
      if (length > options.longest) throw tooLong(entry.fileName);
      if (left < 0) throw new Error("holds more than is read");
      chunks.push(chunk);
    }
    yield { name: entry.fileName, text: Buffer.concat(chunks).toString("utf8") };
  }
}

function tooLong(name: string): Error {
  return new Error(`holds ${JSON.stringify(name.slice(0, 80))}, which is too long for a record`);
}
