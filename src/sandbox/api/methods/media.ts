import { type FileKind, type StoredFile, typeOf } from '../../world/files.ts';
import { imageSize } from '../../world/image.ts';
import type { Telegram } from '../../world/telegram.ts';
import { badRequest } from '../errors.ts';
import type { Json } from '../json.ts';
import type { Parameters, UploadedFile } from '../parameters.ts';
import { flag, integer, text } from '../values.ts';

/** What the sandbox can send as a file. */
export type MediaKind = Exclude<FileKind, 'sticker' | 'video_note'>;

export const mediaKinds: readonly MediaKind[] = ['photo', 'video', 'document', 'animation', 'audio', 'voice'];
const largestPhoto = 10 * 1024 * 1024;
/** As Telegram's refusals name a kind: `VideoNote`. */
const title = (kind: string) => kind.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());

/**
 * A file by id, by upload, by `attach://`, or by an address of the sandbox itself.
 * @param name the parameter that it would be uploaded under
 */
export function fileOf(
  telegram: Telegram,
  call: Parameters,
  reference: string | undefined,
  kind: MediaKind,
  name: string = kind,
): StoredFile {
  const upload = uploadOf(call, reference, name);
  if (upload !== undefined) return telegram.files.add(kind, checkUpload(upload, kind));
  if (reference === undefined || reference === '') throw badRequest(`there is no ${kind} in the request`);
  if (/^https?:\/\//i.test(reference)) {
    // Nothing outside the machine is loaded.
    const page = call.downloads.get(reference);
    if (page === undefined) throw badRequest('failed to get HTTP URL content');
    if (kind === 'photo' && imageSize(page.bytes) === null)
      throw badRequest('wrong type of the web page content');
    return telegram.files.add(kind, page);
  }
  const known = telegram.files.find(reference);
  if (known === undefined) throw badRequest('wrong file identifier/HTTP URL specified');
  if (known.kind !== kind) throw badRequest(`can't use file of type ${title(known.kind)} as ${title(kind)}`);
  return known;
}

function checkUpload(upload: UploadedFile, kind: MediaKind): UploadedFile {
  const size = upload.bytes.length;
  if (size === 0) throw badRequest('file must be non-empty');
  if (kind !== 'photo') return upload;
  if (size > largestPhoto)
    throw badRequest(
      `file of size ${size} bytes is too big for a photo; the maximum size is ${largestPhoto} bytes`,
    );
  if (imageSize(upload.bytes) === null) throw badRequest('IMAGE_PROCESS_FAILED');
  return upload;
}

/** The pictures that stand for a file of a call until it is played. A thumbnail is an upload; any other is passed over. */
export function picturesOf(telegram: Telegram, call: Parameters, values: Json): Json {
  const thumbnail = uploadOf(call, text(values, 'thumbnail'), 'thumbnail');
  const isPicture = thumbnail !== undefined && imageSize(thumbnail.bytes) !== null;
  const cover = text(values, 'cover');
  return {
    ...(isPicture && { thumbnail: photoSize(telegram, telegram.files.add('photo', thumbnail), {}) }),
    ...(cover !== undefined && {
      cover: [photoSize(telegram, fileOf(telegram, call, cover, 'photo', 'cover'), {})],
    }),
  };
}

/** What was uploaded as a parameter itself, or by the name that it attaches. */
const uploadOf = ({ files }: Parameters, reference: string | undefined, name: string) =>
  files.get(reference?.startsWith('attach://') ? reference.slice(9) : name);

const fileFields = ({ id, size }: StoredFile): Json => ({
  file_id: id,
  file_unique_id: id.slice(-16),
  file_size: size,
});

/** A picture tells its own size. */
function photoSize(telegram: Telegram, file: StoredFile, values: Json): Json {
  const { width, height } = imageSize(telegram.files.bytes(file)) ?? {
    width: integer(values, 'width') ?? 1280,
    height: integer(values, 'height') ?? 720,
  };
  return { ...fileFields(file), width, height };
}

/**
 * The fields of a Message that carry a file. Size and length are the caller's, or the picture's own.
 * @param pictures what `picturesOf` found
 */
export function mediaContent(
  telegram: Telegram,
  kind: MediaKind,
  file: StoredFile,
  values: Json,
  { thumbnail, cover }: Json = {},
): Json {
  const named = {
    ...fileFields(file),
    file_name: file.name,
    mime_type: typeOf(file.name),
    ...(thumbnail !== undefined && { thumbnail }),
  };
  const duration = () => integer(values, 'duration') ?? 10;
  const film = () => ({
    ...named,
    width: integer(values, 'width') ?? 1280,
    height: integer(values, 'height') ?? 720,
    duration: duration(),
  });
  const flags = () => ({
    ...(flag(values, 'has_spoiler') && { has_media_spoiler: true }),
    ...(flag(values, 'show_caption_above_media') && { show_caption_above_media: true }),
  });
  switch (kind) {
    case 'photo':
      return { photo: [photoSize(telegram, file, values)], ...flags() };
    case 'video': {
      const start = integer(values, 'start_timestamp');
      const begins = {
        ...(cover !== undefined && { cover }),
        ...(start !== undefined && { start_timestamp: start }),
      };
      return { video: { ...film(), ...begins }, ...flags() };
    }
    case 'animation':
      // A client that knows no animations shows a document.
      return { animation: film(), document: named, ...flags() };
    case 'audio': {
      const [performer, name] = [text(values, 'performer'), text(values, 'title')];
      const song = {
        ...(performer !== undefined && { performer }),
        ...(name !== undefined && { title: name }),
      };
      return { audio: { ...named, duration: duration(), ...song } };
    }
    case 'voice':
      return { voice: { ...fileFields(file), mime_type: 'audio/ogg', duration: duration() } };
    default:
      return { document: named };
  }
}
