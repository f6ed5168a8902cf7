import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { imageSize } from 'image-size';
import type { Locale } from './locale.ts';
import { type Attachment, filesOf, type MessageContent } from './message.ts';
import { type Problem, reason, shown } from './problem.ts';
import type { Yaml } from './yaml.ts';

const megabyte = 1024 * 1024;

/** What the first bytes of a file are, by the ending of its name. Other endings may hold anything. */
const heads: Readonly<Record<string, { readonly kind: string; readonly head: RegExp }>> = {
  jpg: { kind: 'a JPEG', head: /^\xff\xd8\xff/ },
  png: { kind: 'a PNG', head: /^\x89PNG/ },
  gif: { kind: 'a GIF', head: /^GIF8/ },
  webp: { kind: 'a WebP', head: /^RIFF.{4}WEBP/s },
  mp4: { kind: 'an MP4', head: /^.{4}ftyp(?!qt {2}|hei|mif1|msf1|avi)/s },
  mov: { kind: 'a QuickTime film', head: /^.{4}ftypqt {2}/s },
  pdf: { kind: 'a PDF', head: /^.{0,1019}%PDF-/s },
  zip: { kind: 'a ZIP', head: /^PK/ },
};
const alike: Readonly<Record<string, string>> = {
  jpeg: 'jpg',
  m4v: 'mp4',
  docx: 'zip',
  xlsx: 'zip',
  pptx: 'zip',
  epub: 'zip',
};
/** As what Telegram takes them, by the kind of the message. */
const taken: Readonly<Partial<Record<Attachment['kind'], readonly string[]>>> = {
  photo: ['jpg', 'png', 'webp', 'gif'],
  video: ['mp4'],
};

/**
 * Checks every file that a message names: that it is there, what it holds, and how large it is.
 * @param fallback the default language: a file that another one lacks is borrowed from it. undefined: it is unknown, and a
 * language's own file may be missing
 * @returns the files that are not there
 */
export async function checkMedia(
  dir: string,
  messages: ReadonlyMap<string, MessageContent>,
  yaml: Yaml | null,
  locales: ReadonlyMap<string, Locale>,
  fallback: string | undefined,
  problems: Problem[],
  warnings: Problem[],
): Promise<ReadonlySet<string>> {
  const absent = new Set<string>();
  for (const [name, { attachments }] of messages) {
    for (const [index, attachment] of attachments.entries()) {
      const path = attachments.length > 1 ? [name, 'album', index] : [name, attachment.kind];
      const line = yaml?.line(path);
      const [lender] = filesOf(attachment, fallback === undefined ? [] : [fallback]);
      for (const file of filesOf(attachment, locales.keys())) {
        const fault = await faultOf(join(dir, 'media', file), shown(dir, 'media', file), attachment.kind);
        if (fault === null) continue;
        const isMissing = fault.found === 'nothing';
        if (isMissing && lender === undefined) continue;
        const isBorrowed = isMissing && file !== lender;
        if (isBorrowed) absent.add(file);
        (isBorrowed ? warnings : problems).push({
          file: yaml?.file ?? '',
          ...(line !== undefined && { line }),
          path: path.join('.'),
          expected: fault.expected,
          found: isBorrowed ? `nothing; people get ${shown(dir, 'media', lender as string)}` : fault.found,
        });
      }
    }
  }
  return absent;
}

/**
 * What keeps Telegram from taking a file as what it is to be sent as, by the limits that its documentation names.
 * @param name the file as shown in problems
 * @returns null when nothing does
 */
async function faultOf(
  path: string,
  name: string,
  kind: Attachment['kind'],
): Promise<Pick<Problem, 'expected' | 'found'> | null> {
  const most = kind === 'photo' ? 10 : 50;
  const expected = `a file of at most ${most} MB at ${name}`;
  try {
    const info = await stat(path);
    if (!info.isFile()) return { expected, found: 'no file' };
    if (info.size === 0) return { expected, found: 'an empty file' };
    if (info.size > most * megabyte)
      return { expected, found: `${(Math.ceil((info.size / megabyte) * 10) / 10).toFixed(1)} MB` };
    return (
      wrongKind(await headOf(path), name, kind) ?? (kind === 'photo' ? await wrongSize(path, name) : null)
    );
  } catch (error) {
    return { expected, found: reason(error) === 'ENOENT' ? 'nothing' : reason(error) };
  }
}

/** The first bytes, each as a character. */
async function headOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1_024), 0, 1_024, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function wrongKind(
  head: string,
  name: string,
  kind: Attachment['kind'],
): Pick<Problem, 'expected' | 'found'> | null {
  const holds = Object.keys(heads).find((one) => heads[one]?.head.test(head));
  const found = heads[holds ?? '']?.kind ?? 'something else';
  const wanted = taken[kind];
  if (wanted !== undefined && !wanted.includes(holds ?? '')) {
    const kinds = wanted.map((one) => heads[one]?.kind).join(', ');
    return { expected: `one of ${kinds} as a ${kind} at ${name}`.replace(/one of (?=[^,]+$)/, ''), found };
  }
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const named = alike[ending] ?? ending;
  if (heads[named] === undefined || holds === named) return null;
  return { expected: `${heads[named].kind}, as the name says, at ${name}`, found };
}

async function wrongSize(path: string, name: string): Promise<Pick<Problem, 'expected' | 'found'> | null> {
  const size = await readFile(path)
    .then(imageSize)
    .catch(() => null);
  if (size === null) return { expected: `a whole picture at ${name}`, found: 'one without a size' };
  const { width, height } = size;
  const found = `${width} × ${height}`;
  if (width + height > 10_000)
    return { expected: `a picture whose width and height make at most 10000 together at ${name}`, found };
  if (Math.max(width, height) > 20 * Math.min(width, height))
    return { expected: `a picture at most 20 times as long as it is wide at ${name}`, found };
  return null;
}
