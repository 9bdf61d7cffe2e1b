/** Made-up ELF files, as small as they can be. */

export interface Sample {
  readonly word?: 4 | 8;
  readonly little?: boolean;
  readonly machine?: number;
  readonly entries?: readonly (readonly [tag: number, value: number])[];
  readonly strings?: string;
  readonly interpreter?: string;
}

/** A file of one loaded segment at address 0x1000, a dynamic section and its strings; with an interpreter, that too. */
export function elf(sample: Sample): Buffer {
  const { word = 8, little = true, machine = 0, entries = [], interpreter } = sample;
  const strings = `${sample.strings ?? ""}${interpreter === undefined ? "" : `${interpreter}\0`}`;
  const count = interpreter === undefined ? 2 : 3;
  const [header, segment] = word === 8 ? [64, 56] : [52, 32];
  const dynamicAt = header + count * segment;
  const dynamicSize = (entries.length + 2) * 2 * word;
  const file = Buffer.alloc(dynamicAt + dynamicSize + Buffer.byteLength(strings));
  const put = (at: number, value: number, size: number): void => {
    for (let index = 0; index < size; index += 1) {
      const place = little ? index : size - 1 - index;
      file[at + place] = Math.floor(value / 2 ** (8 * index)) % 256;
    }
  };
  file.set([0x7f, 0x45, 0x4c, 0x46, word === 8 ? 2 : 1, little ? 1 : 2]);
  put(18, machine, 2);
  put(word === 8 ? 32 : 28, header, word);
  put(word === 8 ? 54 : 42, segment, 2);
  put(word === 8 ? 56 : 44, count, 2);
  const interpreterAt = dynamicAt + dynamicSize + Buffer.byteLength(sample.strings ?? "");
  const parts = [
    { type: 1, offset: 0, address: 0x1000, size: file.length },
    { type: 2, offset: dynamicAt, address: 0x1000 + dynamicAt, size: dynamicSize },
    { type: 3, offset: interpreterAt, address: 0x1000 + interpreterAt, size: (interpreter ?? "").length + 1 },
  ].slice(0, count);
  for (const [index, { type, offset, address, size }] of parts.entries()) {
    const at = header + index * segment;
    put(at, type, 4);
    put(at + (word === 8 ? 8 : 4), offset, word);
    put(at + (word === 8 ? 16 : 8), address, word);
    put(at + (word === 8 ? 32 : 16), size, word);
  }
  const all = [...entries, [5, 0x1000 + dynamicAt + dynamicSize] as const];
  for (const [index, [tag, value]] of all.entries()) {
    put(dynamicAt + index * 2 * word, tag, word);
    put(dynamicAt + index * 2 * word + word, value, word);
  }
  file.write(strings, dynamicAt + dynamicSize);
  return file;
}

export interface Linked {
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  readonly noDefaults?: boolean;
  readonly interpreter?: string;
  /** 62 is x86-64, 3 (with 32 bits) i386. */
  readonly machine?: number;
  readonly bits?: 32 | 64;
}

/** A program or library that asks the loader for this. */
export function linked(wanted: Linked): Buffer {
  const { needed = [], soname, rpath, runpath, machine = 62, bits = 64, interpreter } = wanted;
  let strings = "\0";
  const at = (text: string): number => {
    const place = Buffer.byteLength(strings);
    strings += `${text}\0`;
    return place;
  };
  const entries = [
    ...needed.map((name) => [1, at(name)] as const),
    ...(soname === undefined ? [] : [[14, at(soname)] as const]),
    ...(rpath === undefined ? [] : [[15, at(rpath)] as const]),
    ...(runpath === undefined ? [] : [[29, at(runpath)] as const]),
    ...(wanted.noDefaults === true ? [[0x6fff_fffb, 0x800] as const] : []),
  ];
  return elf({
    word: bits === 64 ? 8 : 4,
    machine,
    entries,
    strings,
    ...(interpreter === undefined ? {} : { interpreter }),
  });
}
