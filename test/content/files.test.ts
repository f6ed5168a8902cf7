import { copyFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { problemsIn, quiz, quizNeeds } from '../support/quiz.ts';

/** A PNG's first bytes, with the size that it claims. */
function png(width: number, height: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
}

const film = (brand: string) => Buffer.from(`\0\0\0\x18ftyp${brand}\0\0\0\0`, 'latin1');

/** What is wrong with one file, sent as a photo, a video or a document. */
async function found(kind: string, name: string, bytes: Buffer | string): Promise<string[]> {
  const folder = await quiz(['messages.yaml', 'video: clip.mp4', `${kind}: ${name}`]);
  await writeFile(join(folder, 'media', name), bytes);
  return problems(folder);
}

const problems = async (folder: string) =>
  (await problemsIn(folder, quizNeeds)).map((line) => line.replace(/^messages\.yaml:\d+ /, ''));

const gif = Buffer.from('GIF89a\x10\0\x10\0\0\0\0\0\0\0\0\0', 'latin1');

it.each<[string, kind: string, name: string, bytes: Buffer | string, expected: string | null]>([
  ['a picture at the limits', 'photo', 'a.png', png(9_000, 1_000), null],
  ['a long picture at the limits', 'photo', 'a.png', png(2_000, 100), null],
  [
    'a picture that is too large in pixels',
    'photo',
    'a.png',
    png(9_001, 1_000),
    'a picture whose width and height make at most 10000 together at media/a.png, found 9001 × 1000',
  ],
  [
    'a picture that is too long',
    'photo',
    'a.png',
    png(100, 2_001),
    'a picture at most 20 times as long as it is wide at media/a.png, found 100 × 2001',
  ],
  [
    'a picture without height',
    'photo',
    'a.png',
    png(100, 0),
    'a picture at most 20 times as long as it is wide at media/a.png, found 100 × 0',
  ],
  [
    'a text named .png',
    'photo',
    'a.png',
    'Hello',
    'one of a JPEG, a PNG, a WebP, a GIF as a photo at media/a.png, found something else',
  ],
  [
    'a PNG named .jpg',
    'photo',
    'a.jpg',
    png(10, 10),
    'a JPEG, as the name says, at media/a.jpg, found a PNG',
  ],
  ['a GIF named .gif', 'photo', 'a.gif', gif, null],
  [
    'a picture that was cut off',
    'photo',
    'a.jpeg',
    Buffer.from('\xff\xd8\xff\xe0\0\x10JFIF', 'latin1'),
    'a whole picture at media/a.jpeg, found one without a size',
  ],
  ['an MP4', 'video', 'a.mp4', film('isom'), null],
  [
    'a text named .mp4',
    'video',
    'a.mp4',
    'Hello, I am no video.',
    'an MP4 as a video at media/a.mp4, found something else',
  ],
  [
    'a film of QuickTime',
    'video',
    'a.mov',
    film('qt  '),
    'an MP4 as a video at media/a.mov, found a QuickTime film',
  ],
  [
    'a picture of a phone named .mp4',
    'video',
    'a.mp4',
    film('heic'),
    'an MP4 as a video at media/a.mp4, found something else',
  ],
  [
    'a page named .pdf',
    'document',
    'a.pdf',
    '<html>Not found</html>',
    'a PDF, as the name says, at media/a.pdf, found something else',
  ],
  [
    'a text named .docx',
    'document',
    'a.docx',
    'Hello',
    'a ZIP, as the name says, at media/a.docx, found something else',
  ],
  ['a document of any other kind', 'document', 'a.txt', 'Hello', null],
  ['an empty file', 'document', 'a.txt', '', 'a file of at most 50 MB at media/a.txt, found an empty file'],
])('%s', async (_, kind, name, bytes, expected) => {
  expect(await found(kind, name, bytes)).toEqual(
    expected === null ? [] : [`clip.${kind}: expected ${expected}`],
  );
});

it('a photo of more than 10 MB, which a document may be', async () => {
  const folder = await quiz(['messages.yaml', 'video: clip.mp4', 'photo: large.png']);
  const path = join(folder, 'media/large.png');
  await writeFile(path, png(100, 100));
  await truncate(path, 10 * 1024 * 1024 + 1);
  expect(await problems(folder)).toEqual([
    'clip.photo: expected a file of at most 10 MB at media/large.png, found 10.1 MB',
  ]);
});

it('each piece of an album is checked as what it is sent as', async () => {
  const folder = await quiz(['messages.yaml', 'card-2.$language.png', 'wrong.mp4']);
  await copyFile(join(folder, 'media/card-1.en.png'), join(folder, 'media/wrong.mp4'));
  await writeFile(join(folder, 'media/card-3.en.png'), png(5_001, 5_000));
  expect(await problems(folder)).toEqual([
    'cards.album.1: expected an MP4 as a video at media/wrong.mp4, found a PNG',
    'cards.album.2: expected a picture whose width and height make at most 10000 together at media/card-3.en.png, found 5001 × 5000',
  ]);
});
