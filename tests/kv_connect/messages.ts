/**
 * The messages of KV Connect, version 3, as
 * {@link https://github.com/denoland/denokv/blob/main/proto/schema/datapath.proto | datapath.proto} defines them. Keys and
 * versionstamps are handed out as hexadecimal text, which compares and sorts like their bytes.
 *
 * @module
 */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A value as the client encoded it. Nobody here looks into it, but for the sum, least and greatest of numbers. */
export interface StoredValue {
  data: Uint8Array;
  encoding: number;
}

/** A value with its key and the commit that wrote it. */
export interface StoredEntry extends StoredValue {
  readonly key: string;
  readonly versionstamp: string;
}

/** Which entries to read: from `start` to before `end`. */
export interface ReadRange {
  start: string;
  end: string;
  limit: number;
  reverse: boolean;
}

/** What must be so for a write to land; `versionstamp` is `""` for "there is none". */
export interface Check {
  key: string;
  versionstamp: string;
}

/** One change of a write. */
export interface Mutation {
  key: string;
  value: StoredValue;
  type: number;
}

/** A write: all of it lands, or nothing. */
export interface AtomicWrite {
  readonly checks: Check[];
  readonly mutations: Mutation[];
}

/** How a write went. */
export type AtomicWriteOutcome = { readonly versionstamp: string } | { readonly failedChecks: readonly number[] };

/** The numbers of the kinds of mutation. */
export const mutationType = { set: 1, delete: 2, sum: 3, max: 4, min: 5, setSuffixVersionstampedKey: 9 } as const;

/** The number of the encoding that counters have: 64 bits, little end first. */
export const le64 = 2;

const readSucceeded = 1;
const writeSucceeded = 1;
const checkFailed = 2;

/** What becomes of each field of a message; others are skipped. */
type Fields<Message> = Readonly<Record<number, (message: Message, reader: BinaryReader) => void>>;

const readRange: Fields<ReadRange> = {
  1: (range, reader) => range.start = reader.bytes().toHex(),
  2: (range, reader) => range.end = reader.bytes().toHex(),
  3: (range, reader) => range.limit = reader.int32(),
  4: (range, reader) => range.reverse = reader.bool(),
};

const check: Fields<Check> = {
  1: (check, reader) => check.key = reader.bytes().toHex(),
  2: (check, reader) => check.versionstamp = reader.bytes().toHex(),
};

const value: Fields<StoredValue> = {
  // A copy: the reader hands out a view, which would keep the whole request.
  1: (value, reader) => value.data = reader.bytes().slice(),
  2: (value, reader) => value.encoding = reader.int32(),
};

const mutation: Fields<Mutation> = {
  1: (mutation, reader) => mutation.key = reader.bytes().toHex(),
  2: (mutation, reader) => mutation.value = decode(reader.bytes(), noValue(), value),
  3: (mutation, reader) => mutation.type = reader.int32(),
};

const atomicWrite: Fields<AtomicWrite> = {
  1: ({ checks }, reader) => checks.push(decode(reader.bytes(), { key: "", versionstamp: "" }, check)),
  2: ({ mutations }, reader) =>
    mutations.push(decode(reader.bytes(), { key: "", value: noValue(), type: 0 }, mutation)),
};

const snapshotRead: Fields<ReadRange[]> = {
  1: (ranges, reader) =>
    ranges.push(decode(reader.bytes(), { start: "", end: "", limit: 0, reverse: false }, readRange)),
};

const watch: Fields<string[]> = { 1: (keys, reader) => decode(reader.bytes(), keys, watchKey) };
const watchKey: Fields<string[]> = { 1: (keys, reader) => keys.push(reader.bytes().toHex()) };

/** Reads a `SnapshotRead`. */
export function decodeSnapshotRead(bytes: Uint8Array): ReadRange[] {
  return decode(bytes, [], snapshotRead);
}

/** Reads an `AtomicWrite`. */
export function decodeAtomicWrite(bytes: Uint8Array): AtomicWrite {
  return decode(bytes, { checks: [], mutations: [] }, atomicWrite);
}

/** Reads the keys of a `Watch`. */
export function decodeWatch(bytes: Uint8Array): string[] {
  return decode(bytes, [], watch);
}

/** Writes a `SnapshotReadOutput`: the entries of each range. */
export function encodeSnapshotReadOutput(ranges: readonly StoredEntry[][]): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  for (const range of ranges) {
    writeMessage(writer, 1, () => range.forEach((entry) => writeEntry(writer, 1, entry)));
  }
  writer.tag(4, WireType.Varint).bool(true);
  return writer.tag(8, WireType.Varint).int32(readSucceeded).finish();
}

/** Writes an `AtomicWriteOutput`. */
export function encodeAtomicWriteOutput(outcome: AtomicWriteOutcome): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter().tag(1, WireType.Varint);
  if ("versionstamp" in outcome) {
    return writeBytes(writer.int32(writeSucceeded), 2, Uint8Array.fromHex(outcome.versionstamp)).finish();
  }
  writer.int32(checkFailed);
  // Repeated numbers are packed.
  writeMessage(writer, 4, () => outcome.failedChecks.forEach((index) => writer.uint32(index)));
  return writer.finish();
}

/** Writes a `WatchOutput`: for each key whether it changed, and what is there now, if anything. */
export function encodeWatchOutput(
  keys: readonly { readonly isChanged: boolean; readonly entry: StoredEntry | undefined }[],
): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter().tag(1, WireType.Varint).int32(readSucceeded);
  for (const { isChanged, entry } of keys) {
    writeMessage(writer, 2, () => {
      writer.tag(1, WireType.Varint).bool(isChanged);
      if (isChanged && entry) writeEntry(writer, 2, entry);
    });
  }
  return writer.finish();
}

function decode<Message>(bytes: Uint8Array, message: Message, fields: Fields<Message>): Message {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (fields[field]) fields[field](message, reader);
    else reader.skip(type, field);
  }
  return message;
}

function noValue(): StoredValue {
  return { data: new Uint8Array(), encoding: 0 };
}

function writeEntry(writer: BinaryWriter, field: number, entry: StoredEntry): void {
  writeMessage(writer, field, () => {
    writeBytes(writer, 1, Uint8Array.fromHex(entry.key));
    writeBytes(writer, 2, entry.data);
    writer.tag(3, WireType.Varint).int32(entry.encoding);
    writeBytes(writer, 4, Uint8Array.fromHex(entry.versionstamp));
  });
}

function writeMessage(writer: BinaryWriter, field: number, content: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  content();
  writer.join();
}

function writeBytes(writer: BinaryWriter, field: number, bytes: Uint8Array): BinaryWriter {
  return writer.tag(field, WireType.LengthDelimited).bytes(bytes);
}
